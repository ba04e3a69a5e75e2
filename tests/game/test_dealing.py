"""Promise 6: the fewest maps first, nobody twice, in an order that nobody can foresee."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import chain

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from clickme.catalogue.models import Image
from clickme.game.closing import Ending, end, overdue
from clickme.game.dealing import deal
from clickme.game.models import Outcome, Round
from clickme.game.rules import Rules
from clickme.game.service import Beginning, begin
from clickme.kit.house import House
from clickme.players.service import sign_up, total
from conftest import add_images

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def play_all(session: Session) -> list[int]:
    """A new player skips through all there is; the images in the order they came."""
    player_id = sign_up(session, "test").id
    dealt = []
    while (ready := deal(session, [player_id], Rules()).get(player_id)) is not None:
        dealt.append(ready.image_id)
        end(session, [Ending(ready.id, Outcome.SKIPPED, NOW)])
    return dealt


def test_everybody_gets_every_photograph_once(house: House) -> None:
    images = add_images(house, 12)
    with house.database.transaction() as session:
        for _ in range(3):
            assert sorted(play_all(session)) == images


def test_the_order_is_another_for_everybody(house: House) -> None:
    add_images(house, 12)
    with house.database.transaction() as session:
        orders = {tuple(play_all(session)) for _ in range(8)}
    assert len(orders) == 8  # of 12! there are enough


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=8))
def test_photographs_with_the_fewest_maps_come_first(session: Session, maps: list[int]) -> None:
    inner = session.begin_nested()
    session.execute(delete(Image))
    for i, count in enumerate(maps):
        session.add(
            Image(
                class_index=0,
                sha256=f"{i:064}",
                source_sha256=f"{i:064}",
                source_path="",
                lot=i * 2**60,
                maps=count,
            )
        )
    session.flush()
    counts = {image.id: image.maps for image in session.scalars(select(Image))}
    assert [counts[image] for image in play_all(session)] == sorted(maps)
    inner.rollback()


def test_many_tabs_of_one_player_get_one_photograph(house: House) -> None:
    add_images(house, 5)
    with house.database.transaction() as session:
        player_id = sign_up(session, "test").id

    def ask(_: int) -> int:
        with house.database.transaction() as session:
            return deal(session, [player_id], Rules())[player_id].id

    with ThreadPoolExecutor(8) as tabs:
        assert len(set(tabs.map(ask, range(24)))) == 1


def test_a_round_is_closed_and_paid_once_by_however_many(house: House) -> None:
    add_images(house, 1)
    with house.database.transaction() as session:
        player_id = sign_up(session, "test").id
        round_id = deal(session, [player_id], Rules())[player_id].id
        begin(session, [Beginning(round_id, NOW, "mouse", "test")])
    ending = Ending(round_id, Outcome.RECOGNISED, NOW, recognised_ms=3500, points=0.5)

    def close(_: int) -> bool:
        with house.database.transaction() as session:
            return round_id in end(session, [ending])

    with ThreadPoolExecutor(8) as servers:
        assert sorted(servers.map(close, range(8))) == [False] * 7 + [True]
    with house.database.transaction() as session:
        assert total(session, player_id) == 0.5


def test_rounds_left_behind_are_closed_as_timeouts_by_one_of_many(house: House) -> None:
    add_images(house, 3)
    ids = []
    with house.database.transaction() as session:
        for _ in range(3):
            player_id = sign_up(session, "test").id
            ids.append(deal(session, [player_id], Rules())[player_id].id)
        begin(session, [Beginning(round_id, NOW, "mouse", "test") for round_id in ids])
        # One of them is still within its time.
        session.execute(update(Round).where(Round.id == ids[2]).values(begun_at=NOW + timedelta(seconds=10)))

    def sweep(_: int) -> list[int]:
        with house.database.transaction() as session:
            late = overdue(session, NOW + timedelta(seconds=12), timedelta(seconds=5))
            return [closed.id for closed in late]

    with ThreadPoolExecutor(4) as servers:
        assert sorted(chain.from_iterable(servers.map(sweep, range(4)))) == ids[:2]
    with house.database.transaction() as session:
        ended = session.execute(select(Round.outcome, Round.ended_at).order_by(Round.id)).all()
    assert [tuple(row) for row in ended] == [
        ("timeout", NOW + timedelta(seconds=7)),
        ("timeout", NOW + timedelta(seconds=7)),
        (None, None),
    ]


def test_many_who_ask_together_get_what_each_would_get_alone(house: House) -> None:
    """Of six photographs two have no map; one player has had those, and another has had all."""
    images = add_images(house, 6)
    with house.database.transaction() as session:
        session.execute(update(Image).where(Image.id.in_(images[2:])).values(maps=1))
        new, ready, had_two, had_all = (sign_up(session, "test").id for _ in range(4))
        for player_id, had in ((had_two, images[:2]), (had_all, images)):
            for image_id in had:
                session.add(
                    Round(player_id=player_id, image_id=image_id, rules={}, ended_at=NOW, outcome="skipped")
                )
        session.flush()
        before = deal(session, [ready], Rules())[ready]

        dealt = deal(session, [new, ready, had_two, had_all], Rules())

    assert dealt.keys() == {new, ready, had_two}
    assert dealt[ready] == before
    assert dealt[new].image_id in images[:2]
    assert dealt[had_two].image_id in images[2:]
