"""Rounds that end together end as if one by one: closed, paid and counted once, whoever closes them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import chain

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from clickme.catalogue.models import Category, Image
from clickme.game.closing import Ending, end
from clickme.game.models import BubbleBatch, Outcome, Round
from clickme.kit.house import House
from clickme.players.models import Player
from clickme.players.service import sign_up
from conftest import add_images

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
EIGHTHS = st.integers(0, 8).map(lambda number: number / 8)  # whose sums are exact
OUTCOMES = st.one_of(
    st.tuples(st.just(Outcome.RECOGNISED), EIGHTHS),
    st.tuples(st.sampled_from([Outcome.TIMEOUT, Outcome.SKIPPED, Outcome.FLAGGED]), st.just(0.0)),
)
# A cell is one player before one photograph: what becomes of it, and whether anything is painted.
CELLS = st.dictionaries(
    st.tuples(st.integers(0, 3), st.integers(0, 4)), st.tuples(OUTCOMES, st.booleans()), min_size=1
)


def begun(session: Session, player_id: int, image_id: int, *, painted: bool) -> int:
    """A round that runs at `here`; its id."""
    running = Round(player_id=player_id, image_id=image_id, rules={}, begun_at=NOON, served_by="here")
    session.add(running)
    session.flush()
    if painted:
        session.add(BubbleBatch(round_id=running.id, first_index=0, xyt=bytes(6)))
        session.flush()
    return running.id


def ending(round_id: int, outcome: Outcome, points: float) -> Ending:
    ms = 1000 if outcome is Outcome.RECOGNISED else None
    return Ending(round_id, outcome, NOON, recognised_ms=ms, points=points)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(CELLS, st.data())
def test_the_sums_are_those_of_the_rounds(
    session: Session,
    cells: dict[tuple[int, int], tuple[tuple[Outcome, float], bool]],
    data: st.DataObject,
) -> None:
    inner = session.begin_nested()
    session.execute(delete(Image))
    session.execute(update(Category).values(mapped=0))
    images = [image(session, number) for number in range(5)]
    players = [sign_up(session, "test").id for _ in range(4)]
    endings = {
        cell: ending(begun(session, players[cell[0]], images[cell[1]], painted=painted), *outcome)
        for cell, (outcome, painted) in cells.items()
    }

    # In lots, and some of them again.
    order = data.draw(st.permutations([*endings.values(), *list(endings.values())[:2]]))
    cut = data.draw(st.integers(0, len(order)))
    closed = [end(session, once(lot), "here") for lot in (order[:cut], order[cut:])]

    assert sorted(chain.from_iterable(closed)) == sorted(each.round_id for each in endings.values())
    points: defaultdict[int, float] = defaultdict(float)
    maps = Counter[int]()
    for (player, nth), ((outcome, paid), painted) in cells.items():
        points[players[player]] += paid
        maps[images[nth]] += painted and outcome in (Outcome.RECOGNISED, Outcome.TIMEOUT)
    assert dict(session.execute(select(Player.id, Player.points).where(Player.id.in_(players))).all()) == {
        player: points[player] for player in players
    }
    rows = session.execute(select(Image.id, Image.maps, Image.nth_mapped)).all()
    assert {row.id: row.maps for row in rows} == {each: maps[each] for each in images}
    numbers = sorted(row.nth_mapped for row in rows if row.nth_mapped is not None)
    assert numbers == list(range(1, sum(count > 0 for count in maps.values()) + 1))
    assert session.scalar(select(Category.mapped).where(Category.class_index == 0)) == len(numbers)
    inner.rollback()


def image(session: Session, number: int) -> int:
    added = Image(
        class_index=0, sha256=f"{number:064}", source_sha256=f"{number:064}", source_path="", lot=number
    )
    session.add(added)
    session.flush()
    return added.id


def once(endings: Sequence[Ending]) -> list[Ending]:
    return list({each.round_id: each for each in endings}.values())


def test_who_is_told_the_total_is_told_what_it_is_now(house: House) -> None:
    images = add_images(house, 3)
    with house.database.transaction() as session:
        player = sign_up(session, "test").id
        rounds = [begun(session, player, each, painted=True) for each in images]
        first = end(session, [ending(rounds[0], Outcome.RECOGNISED, 0.5)])
        second = end(
            session, [ending(rounds[1], Outcome.RECOGNISED, 0.25), ending(rounds[2], Outcome.TIMEOUT, 0.0)]
        )
    assert first[rounds[0]].total == 0.5
    assert [each.total for each in second.values()] == [0.75, 0.75]


def test_a_server_ends_what_it_runs_and_no_other_round(house: House) -> None:
    images = add_images(house, 2)
    with house.database.transaction() as session:
        player = sign_up(session, "test").id
        here, elsewhere = (begun(session, player, each, painted=True) for each in images)
        session.execute(update(Round).where(Round.id == elsewhere).values(served_by="there"))
        endings = [ending(each, Outcome.RECOGNISED, 0.5) for each in (here, elsewhere)]
        assert list(end(session, endings, "here")) == [here]
        assert session.scalar(select(Player.points).where(Player.id == player)) == 0.5


def test_servers_that_count_the_same_photographs_at_once_lose_no_map(house: House) -> None:
    """Each ends a round of every photograph, in an order of its own; none has a map yet."""
    images = add_images(house, 12)
    with house.database.transaction() as session:
        lots = []
        for number in range(6):
            player = sign_up(session, "test").id
            rounds = [begun(session, player, each, painted=True) for each in images]
            lots.append(rounds if number % 2 else rounds[::-1])

    def close(rounds: Sequence[int]) -> int:
        with house.database.transaction() as session:
            return len(end(session, [ending(each, Outcome.TIMEOUT, 0.0) for each in rounds]))

    with ThreadPoolExecutor(6) as servers:
        assert list(servers.map(close, lots)) == [12] * 6
    with house.database.transaction() as session:
        assert set(session.scalars(select(Image.maps))) == {6}
        numbers = func.array_agg(aggregate_order_by(Image.nth_mapped, Image.nth_mapped))
        for numbered in session.scalars(select(numbers).group_by(Image.class_index)):
            assert numbered == list(range(1, len(numbered) + 1))
