"""Each rule of a selection leaves out what it says, says how much, and no more."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from clickme.catalogue.models import Image
from clickme.contests.models import Contest
from clickme.export.painted import Tally, stream_painted
from clickme.export.record import Photograph
from clickme.export.selection import Selection
from clickme.game.models import Flag, Round
from clickme.players.models import Player
from conftest import KOALA
from made_up import Walk, add_player, add_round

DAY = [datetime(2026, 11, day, tzinfo=UTC) for day in range(1, 6)]


@pytest.fixture
def images(session: Session) -> list[int]:
    """Three photographs."""
    rows = [
        Image(class_index=KOALA, sha256=f"{i}" * 64, source_sha256=f"{i}" * 64, source_path=f"n/{i}", lot=0)
        for i in range(3)
    ]
    session.add_all(rows)
    session.flush()
    return [row.id for row in rows]


@pytest.fixture
def players(session: Session) -> list[int]:
    return [add_player(session, f"player {number}") for number in range(4)]


def walk(bubbles: int = 3) -> Walk:
    return [(10 + i, 20, 50 * i) for i in range(bubbles)]


def chosen(session: Session, **options: Any) -> tuple[list[Photograph], dict[str, tuple[int, int]]]:
    """The photographs, and (rounds, photographs) of every rule that left something out."""
    tally, selection = Tally(), Selection(**options)
    found = list(stream_painted(session, selection, tally=tally))
    left = {line.rule: (line.rounds, line.photographs) for line in tally.left_out(selection)}
    assert tally.rounds == sum(len(photograph.strokes) for photograph in found)
    assert tally.photographs == len(found)
    return found, {rule: counts for rule, counts in left.items() if counts != (0, 0)}


def names(found: list[Photograph]) -> dict[str, int]:
    """Rounds by photograph."""
    return {photograph.image_id: len(photograph.strokes) for photograph in found}


def test_rounds_that_do_not_count_are_counted(
    session: Session, images: list[int], players: list[int]
) -> None:
    outcomes = ("recognised", "timeout", "skipped", "flagged")
    for player, outcome in zip(players, outcomes, strict=True):
        add_round(session, player, images[0], outcome, walk())
    add_round(session, players[0], images[1], None, walk())

    found, left = chosen(session)

    assert names(found) == {"n/0": 2}
    assert left == {"skipped": (1, 0), "flagged": (1, 0), "unfinished": (1, 0)}


def test_a_banned_player_s_rounds_are_left_out(
    session: Session, images: list[int], players: list[int]
) -> None:
    for player in players[:2]:
        add_round(session, player, images[0], "timeout", walk())
    session.execute(update(Player).where(Player.id == players[0]).values(banned_at=DAY[0]))

    assert names(chosen(session)[0]) == {"n/0": 1}
    assert chosen(session)[1] == {"banned": (1, 0)}
    assert names(chosen(session, banned=True)[0]) == {"n/0": 2}


def test_an_excluded_photograph_is_left_out(session: Session, images: list[int], players: list[int]) -> None:
    for image in images[:2]:
        add_round(session, players[0], image, "timeout", walk())
    session.execute(
        update(Image).where(Image.id == images[0]).values(excluded_at=DAY[0], exclusion="blurred")
    )

    assert names(chosen(session)[0]) == {"n/1": 1}
    assert chosen(session)[1] == {"excluded": (1, 1)}
    assert names(chosen(session, excluded=True)[0]) == {"n/0": 1, "n/1": 1}


def test_flags_of_so_many_players_leave_a_photograph_out(
    session: Session, images: list[int], players: list[int]
) -> None:
    for player in players:
        add_round(session, player, images[0], "timeout", walk())
        add_round(session, player, images[1], "timeout", walk())
    rounds = session.scalars(select(Round.id).where(Round.image_id == images[0]).order_by(Round.id)).all()
    session.add_all(Flag(round_id=played, reason="label") for played in rounds[:2])
    session.flush()

    assert names(chosen(session)[0]) == {"n/1": 4}
    assert chosen(session)[1] == {"flagged_photograph": (4, 1)}
    assert names(chosen(session, flags=2)[0]) == {"n/1": 4}
    assert names(chosen(session, flags=3)[0]) == {"n/0": 4, "n/1": 4}
    assert names(chosen(session, flags=0)[0]) == {"n/0": 4, "n/1": 4}

    # A banned player's word does not count.
    session.execute(update(Player).where(Player.id == players[0]).values(banned_at=DAY[0]))
    assert names(chosen(session, flags=2)[0]) == {"n/0": 3, "n/1": 3}


def test_pointers_contests_and_dates(session: Session, images: list[int], players: list[int]) -> None:
    pointers = ("mouse", "touch", None, "pen")
    for number, (player, pointer) in enumerate(zip(players, pointers, strict=True)):
        day = DAY[number]
        window = {"opens_at": day, "closes_at": day + timedelta(hours=1), "zone": "UTC"}
        session.add(Contest(id=number, name=f"contest {number}", rules="", counts="points", **window))
        session.flush()
        add_round(
            session,
            player,
            images[0],
            "timeout",
            walk(),
            pointer=pointer,
            contest_id=number,
            begun_at=DAY[number],
        )

    def kept(**options: Any) -> list[str | None]:
        return [
            stroke.pointer for photograph in chosen(session, **options)[0] for stroke in photograph.strokes
        ]

    assert kept() == ["mouse", "touch", None, "pen"]
    assert kept(pointers=("mouse", "pen")) == ["mouse", "pen"]
    assert kept(contest=1) == ["touch"]
    assert kept(since=DAY[1]) == ["touch", None, "pen"]
    assert kept(until=DAY[1]) == ["mouse"]
    assert kept(since=DAY[1], until=DAY[3]) == ["touch", None]
    assert chosen(session, since=DAY[1], until=DAY[3])[1] == {"dates": (2, 0)}
    assert chosen(session, pointers=("touch",))[1] == {"pointer": (3, 0)}
    assert chosen(session, contest=9)[1] == {"contest": (4, 0)}


def test_short_rounds_and_lonely_photographs(session: Session, images: list[int], players: list[int]) -> None:
    add_round(session, players[0], images[0], "timeout", walk(5))
    add_round(session, players[1], images[0], "timeout", walk(4))
    add_round(session, players[0], images[1], "timeout", walk(5))
    add_round(session, players[0], images[2], "timeout", [])

    assert names(chosen(session)[0]) == {"n/0": 2, "n/1": 1}
    assert chosen(session)[1] == {"bubbles": (1, 0)}
    assert names(chosen(session, min_bubbles=5)[0]) == {"n/0": 1, "n/1": 1}
    assert chosen(session, min_bubbles=5)[1] == {"bubbles": (2, 0)}
    assert names(chosen(session, min_players=2)[0]) == {"n/0": 2}
    assert chosen(session, min_players=2)[1] == {"bubbles": (1, 0), "players": (1, 1)}
    assert chosen(session, min_bubbles=5, min_players=2)[0] == []


def test_a_round_is_counted_at_the_first_rule_it_falls_under(
    session: Session, images: list[int], players: list[int]
) -> None:
    add_round(session, players[0], images[0], "skipped", walk(1), pointer="touch")
    session.execute(update(Player).values(banned_at=DAY[0]))
    session.execute(update(Image).values(excluded_at=DAY[0]))

    assert chosen(session, pointers=("mouse",), min_bubbles=9)[1] == {"skipped": (1, 0)}


def test_what_the_strokes_say_of_their_round(session: Session, images: list[int], players: list[int]) -> None:
    add_round(
        session, players[2], images[0], "recognised", walk(4), pointer="pen", partner="resnet50@ab", bubble=9
    )

    (photograph,), _ = chosen(session)

    (stroke,) = photograph.strokes
    assert stroke.xyt.tolist() == [list(bubble) for bubble in walk(4)]
    assert (stroke.player, stroke.outcome, stroke.recognised_ms) == (0, "recognised", 900)
    assert (stroke.begun_at, stroke.pointer) == ("2026-11-01T12:00:00.000+00:00", "pen")
    assert (stroke.partner, stroke.rules, stroke.bubble) == ("resnet50@ab", {"bubble": 9}, 9)


def test_photographs_that_came_by_one_path_are_told_apart(
    session: Session, images: list[int], players: list[int]
) -> None:
    session.execute(update(Image).where(Image.id != images[2]).values(source_path="n/same\t\\name"))
    for image in images:
        add_round(session, players[0], image, "timeout", walk())

    found, _ = chosen(session)

    assert names(found) == {"n/same\t\\name#00000000": 1, "n/same\t\\name#11111111": 1, "n/2": 1}
