"""Contests: when they open, what belongs to them, how they end."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from sqlalchemy import select, text

from clickme.contests import service
from clickme.contests.models import Contest, Counts, FinalStanding, State
from clickme.contests.service import SETTLED
from clickme.kit.problems import Problem
from contests.played import Town, lines

LATER = SETTLED.total_seconds() + 1


def states(town: Town) -> list[State]:
    with town.house.database.transaction() as session:
        return [contest.state(town.now) for contest in service.contests(session)]


def final(town: Town, contest: Contest) -> list[tuple[int, str, int]]:
    with town.house.database.transaction() as session:
        rows = session.execute(
            text(
                "SELECT place, name, score FROM contest_standings JOIN players ON players.id = player_id "
                "WHERE contest_id = :id ORDER BY place, name"
            ),
            {"id": contest.id},
        )
        return [tuple(row) for row in rows]


def test_a_contest_opens_counts_and_freezes_by_itself(town: Town) -> None:
    town.contest(opens_in=10, closes_in=100)
    boards = town.boards()
    seen = []
    for seconds in (0, 9.999, 0.001, 89.999, 0.001, LATER):
        town.clock.advance(seconds)
        boards.refresh()
        seen += states(town)
    assert seen == ["announced", "announced", "open", "open", "counting", "frozen"]


def test_a_round_belongs_to_the_contest_in_whose_window_it_began(town: Town) -> None:
    contest = town.contest(opens_in=10, closes_in=100)
    boards = town.boards()
    ann = town.player("ann")
    before = town.begin(ann)
    town.clock.advance(10)
    at_the_opening = town.begin(ann)
    town.clock.advance(89.999)
    last = town.begin(ann)
    town.clock.advance(0.001)
    at_the_close = town.begin(ann)
    for round_id, points in ((before, 0.1), (at_the_opening, 0.2), (last, 0.4), (at_the_close, 0.8)):
        town.end(boards, ann, round_id, points)
    town.clock.advance(LATER)
    boards.refresh()
    assert final(town, contest) == [(1, "ann", 600_000)]


def test_standings_wait_for_the_last_round_and_share_places(town: Town) -> None:
    contest = town.contest(closes_in=100)
    boards = town.boards()
    ann, bob, cat, dan = (town.player(name) for name in ("ann", "bob", "cat", "dan"))
    town.play(boards, bob, 0.5)
    town.play(boards, cat, 0.25, 0.25)
    town.play(boards, dan, 0.125, None)
    late = town.begin(ann)
    town.clock.advance(100 + LATER)
    boards.refresh()
    assert states(town) == ["counting"]
    town.end(boards, ann, late, 1.0)
    boards.refresh()
    assert states(town) == ["frozen"]
    assert final(town, contest) == [
        (1, "ann", 1_000_000),
        (2, "bob", 500_000),
        (2, "cat", 500_000),
        (4, "dan", 125_000),
    ]


def test_where_rounds_count_each_photograph_recognised_counts_one(town: Town) -> None:
    contest = town.contest(closes_in=100, counts=Counts.ROUNDS)
    boards = town.boards()
    ann, bob = town.player("ann"), town.player("bob")
    town.play(boards, ann, 0.9, None)
    town.play(boards, bob, 0.0, 0.125)
    town.clock.advance(100 + LATER)
    boards.refresh()
    assert final(town, contest) == [(1, "bob", 2_000_000), (2, "ann", 1_000_000)]


def test_what_is_frozen_stays_but_for_who_is_banned(town: Town) -> None:
    contest = town.contest(closes_in=100)
    boards = town.boards()
    ann, bob = town.player("ann"), town.player("bob")
    town.play(boards, ann, 0.9)
    town.play(boards, bob, 0.8)
    town.clock.advance(100 + LATER)
    boards.refresh()
    board = town.contest_boards()[0]
    assert board.is_final
    town.play(boards, bob, 1.0)
    town.clock.advance(LATER)
    assert lines(boards.view(board).entries) == [(1, "ann", 900_000), (2, "bob", 800_000)]
    town.ban(ann)
    town.clock.advance(LATER)
    assert lines(boards.view(board).entries) == [(1, "bob", 800_000)]
    assert final(town, contest)[0] == (1, "ann", 900_000)  # it is kept


def test_of_many_servers_one_freezes_a_contest(town: Town) -> None:
    town.contest(closes_in=100)
    ann = town.player("ann")
    servers = [town.boards() for _ in range(4)]
    town.play(servers[0], ann, 0.5)
    town.clock.advance(100 + LATER)
    together = Barrier(len(servers))

    def freeze(number: int) -> int:
        with town.house.database.transaction() as session:
            together.wait()
            return len(service.freeze(session, town.now))

    with ThreadPoolExecutor(len(servers)) as threads:
        assert sum(threads.map(freeze, range(len(servers)))) == 1
    with town.house.database.transaction() as session:
        assert len(session.scalars(select(FinalStanding)).all()) == 1


def test_who_closes_a_contest_waits_for_a_round_that_is_just_beginning(town: Town) -> None:
    contest = town.contest()
    has_begun, closed = Event(), Event()

    def close() -> Contest | None:
        has_begun.wait()
        with town.house.database.transaction() as session:
            done = service.close_now(session, contest.name, town.clock)
            closed.set()
            return done

    with ThreadPoolExecutor(1) as thread:
        closing = thread.submit(close)
        with town.house.database.transaction() as session:
            found = service.open_at(session, town.now)
            assert found is not None and found.id == contest.id
            has_begun.set()
            # It has come as far as to wait for the row that this transaction shares.
            while not session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                assert not closed.is_set()
            town.clock.advance(5)
        done = closing.result()
    assert done is not None
    assert done.closes_at == town.now  # not before the round had begun
    with town.house.database.transaction() as session:
        assert service.open_at(session, town.now) is None


def test_a_contest_is_opened_and_closed_by_hand(town: Town) -> None:
    boards = town.boards()
    ann = town.player("ann")
    town.contest(opens_in=1000, closes_in=2000)
    with town.house.database.transaction() as session:
        service.open_now(session, "Sprint", town.clock)
    town.play(boards, ann, 0.5)
    town.clock.advance(10)
    with town.house.database.transaction() as session:
        closed = service.close_now(session, "Sprint", town.clock)
        assert closed is not None
    town.play(boards, ann, 0.25)
    town.clock.advance(LATER)
    boards.refresh()
    assert final(town, closed) == [(1, "ann", 500_000)]
    town.contest("Next")  # whose time the first would still have had


def test_what_has_not_opened_is_called_off(town: Town) -> None:
    town.contest(opens_in=1000, closes_in=2000)
    with town.house.database.transaction() as session:
        assert service.close_now(session, "Sprint", town.clock) is None
    assert states(town) == []


@pytest.mark.parametrize(
    ("opens_in", "closes_in", "overlaps"),
    [
        (0, 1000, False),
        (0, 1001, True),
        (1500, 1600, True),
        (1999, 3000, True),
        (2000, 3000, False),
        (0, 9000, True),
    ],
)
def test_contests_do_not_overlap(town: Town, opens_in: float, closes_in: float, overlaps: bool) -> None:
    town.contest(opens_in=1000, closes_in=2000)
    if overlaps:
        with pytest.raises(Problem, match="One contest at a time: Sprint runs from") as problem:
            town.contest("Other", opens_in=opens_in, closes_in=closes_in)
        assert problem.value.code == "contest_overlaps"
    else:
        town.contest("Other", opens_in=opens_in, closes_in=closes_in)


def test_two_who_create_at_once_do_not_overlap_either(town: Town) -> None:
    def create(number: int) -> str:
        try:
            town.contest(f"Contest {number}")
        except Problem as problem:
            return problem.code
        return "created"

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(create, range(4))) == ["contest_overlaps"] * 3 + ["created"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"name": "Sprint"}, "contest_name_taken"),
        ({"name": " "}, "bad_contest_name"),
        ({"name": "two\nlines"}, "bad_contest_name"),
        ({"name": "x" * 81}, "bad_contest_name"),
        ({"name": "Past", "opens_in": -1}, "contest_in_the_past"),
        ({"name": "Turned", "opens_in": 9000, "closes_in": 8999}, "contest_window"),
        ({"name": "Empty", "opens_in": 9000, "closes_in": 9000}, "contest_window"),
        ({"name": "Nowhere", "zone": "Atlantis"}, "no_such_zone"),
    ],
)
def test_what_is_no_contest_is_refused(town: Town, options: dict[str, object], code: str) -> None:
    town.contest()
    with pytest.raises(Problem) as problem:
        town.contest(**options)  # type: ignore[arg-type]
    assert problem.value.code == code


def test_what_is_over_or_open_is_not_opened_or_closed_again(town: Town) -> None:
    contest = town.contest(closes_in=100)

    def code(change: object) -> str:
        with pytest.raises(Problem) as problem, town.house.database.transaction() as session:
            assert callable(change)
            change(session, str(contest.id), town.clock)
        return problem.value.code

    assert code(service.open_now) == "contest_has_opened"
    town.clock.advance(100)
    assert code(service.open_now) == "contest_has_opened"
    assert code(service.close_now) == "contest_is_over"


def test_the_present_contest_is_the_open_one_then_the_last_then_the_next(town: Town) -> None:
    def present() -> str | None:
        with town.house.database.transaction() as session:
            found = service.present(session, town.now)
            return found.name if found else None

    assert present() is None
    town.contest("Second", opens_in=1000, closes_in=2000)
    assert present() == "Second"
    town.contest("First", opens_in=100, closes_in=200)
    seen = []
    for seconds in (0, 100, 500, 500):
        town.clock.advance(seconds)
        seen.append(present())
    assert seen == ["First", "First", "First", "Second"]
