"""A leaderboard is what Postgres says, whatever befalls the copy of it."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from unittest.mock import patch

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from clickme.contests import service
from clickme.contests.boards import ALL_TIME, Board, Score
from clickme.contests.cache import PREFIX
from clickme.contests.leaderboard import CATCH_UP, SHOWN, Leaderboards
from clickme.contests.models import Counts
from clickme.contests.service import SETTLED
from clickme.kit.house import House
from clickme.kit.problems import Problem
from contests.played import Line, Town, cut_off, lines
from fake_clock import FakeClock

MOMENT = 2  # s, in which what was looked at a moment ago is forgotten


def emptied(house: House) -> None:
    with redis.Redis.from_url(house.redis_url) as client:
        client.flushdb()


def copied(house: House, board: Board = ALL_TIME) -> dict[bytes, float]:
    with redis.Redis.from_url(house.redis_url) as client:
        return dict(client.zrange(PREFIX + board.key, 0, -1, withscores=True))


def shown(town: Town, boards: Leaderboards, board: Board = ALL_TIME) -> list[Line]:
    town.clock.advance(MOMENT)
    return lines(boards.view(board).entries)


@dataclass
class Server:
    """One process: its boards, what it has committed and not yet shown, and whether it reaches its Redis."""

    boards: Leaderboards
    unshown: list[list[Score]] = field(default_factory=list)
    cut: ExitStack = field(default_factory=ExitStack)
    is_cut: bool = False


class Servers(RuleBasedStateMachine):
    """Two servers, between which everything happens that may."""

    house: House

    @initialize()
    def open(self) -> None:
        with self.house.database.transaction() as session:
            session.execute(text("TRUNCATE rounds, contest_standings, contests, players, images CASCADE"))
        emptied(self.house)
        self.town = Town(self.house, FakeClock())
        self.town.photographs(60)
        self.players = [self.town.player(name) for name in ("dan", "ann", "cat", "bob")]
        self.banned: set[int] = set()
        self.late = 0.0  # s, until what only a second look makes good is made good
        self.running: list[tuple[int, int]] = []  # player and round
        self.servers = [Server(self.town.boards()) for _ in range(2)]
        self.contests = 0
        for server in self.servers:
            server.boards.refresh()

    def teardown(self) -> None:
        if hasattr(self, "servers"):
            self.agree(looked_after=True)

    at = st.integers(0, 1)
    who = st.integers(0, 3)
    some = st.sampled_from([None, 0.0, 0.25, 1 / 3, 0.5, 0.123456789, 1.0])  # points, or none

    @rule(who=who)
    def begin(self, who: int) -> None:
        player = self.players[who]
        self.running.append((player, self.town.begin(player)))

    @rule(who=who, at=at, points=some)
    def play(self, who: int, at: int, points: float | None) -> None:
        server, player = self.servers[at], self.players[who]
        server.unshown.append(self.town.end(server.boards, player, self.town.begin(player), points))

    @precondition(lambda self: self.running)
    @rule(at=at, points=some, data=st.data())
    def end(self, at: int, points: float | None, data: st.DataObject) -> None:
        player, round_id = self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))
        server = self.servers[at]
        server.unshown.append(self.town.end(server.boards, player, round_id, points))

    @rule(at=at, data=st.data())
    def show(self, at: int, data: st.DataObject) -> None:
        """In whatever order."""
        server = self.servers[at]
        if server.unshown:
            scores = server.unshown.pop(data.draw(st.integers(0, len(server.unshown) - 1)))
            server.boards.show(scores)

    @rule(at=at, who=who, what=st.sampled_from(["mend", "empty", "kill", "ban"]))
    def befall(self, at: int, who: int, what: str) -> None:
        """One rule for all that is bad: between two of these a while may go by."""
        match what:
            case "kill":
                self.kill(at)
            case "mend":
                self.mend(at)
            case "empty":
                emptied(self.house)
            case "ban":
                self.ban(who)

    def kill(self, at: int) -> None:
        """What it has not shown it never shows. Another one takes its place."""
        self.servers[at].cut.close()
        self.servers[at] = Server(self.town.boards())

    @rule(at=at)
    def cut(self, at: int) -> None:
        server = self.servers[at]
        if not server.is_cut:
            server.cut.enter_context(cut_off(server.boards))
            server.is_cut = True

    def mend(self, at: int) -> None:
        self.servers[at].cut.close()
        self.servers[at].is_cut = False

    @rule(at=at)
    def refresh(self, at: int) -> None:
        self.servers[at].boards.refresh()

    @rule(at=at)
    def look(self, at: int) -> None:
        self.servers[at].boards.view(ALL_TIME)

    @rule(seconds=st.sampled_from([1, 3, 5, 10, 20, SETTLED.total_seconds(), 86400]))
    def wait(self, seconds: float) -> None:
        self.town.clock.advance(seconds)

    def ban(self, who: int) -> None:
        """By a command that reaches the Redis."""
        player = self.players[who]
        self.banned ^= {player}
        if any(server.unshown for server in self.servers):
            self.late = CATCH_UP.total_seconds()  # one may be this player's, and come after the ban
        self.town.ban(player, player in self.banned)
        self.town.boards().drop()

    @rule(opens_in=st.sampled_from([None, 60.0]), counts=st.sampled_from(Counts))
    def announce(self, opens_in: float | None, counts: Counts) -> None:
        self.contests += 1
        try:
            self.town.contest(f"Contest {self.contests}", opens_in=opens_in, closes_in=600, counts=counts)
        except Problem as problem:
            assert problem.code == "contest_overlaps"

    @rule()
    def close(self) -> None:
        with self.house.database.transaction() as session:
            contest = service.open_at(session, self.town.now)
        if contest is not None and contest.opens_at < self.town.now:
            with self.house.database.transaction() as session:
                service.close_now(session, contest.name, self.town.clock)

    @rule(looked_after=st.booleans())
    def agree(self, looked_after: bool) -> None:
        """Once all is well again, every server's boards are what the database says.

        The last scores come in the order that is worst: once what went wrong is made good, so that they alone
        can make the boards right; or before, so that some of them are lost.
        """
        if looked_after:
            for at, server in enumerate(self.servers):
                self.mend(at)
                server.boards.refresh()
        for at, server in enumerate(self.servers):
            while server.unshown:
                server.boards.show(server.unshown.pop())
            self.mend(at)
        self.town.clock.advance(self.late)
        self.late = 0.0
        for server in self.servers:
            server.boards.refresh()
        self.town.clock.advance(MOMENT)
        for server in self.servers:
            for board in (ALL_TIME, server.boards.today(), *self.town.contest_boards()):
                self.is_true(server.boards, board)

    def is_true(self, boards: Leaderboards, board: Board) -> None:
        expected = self.town.expected(board)
        assert lines(boards.view(board).entries) == expected
        for place, name, score in expected:
            found = boards.place(board, self.players[("dan", "ann", "cat", "bob").index(name)])
            assert (found.better + 1, found.score) == (place, score)
        if not board.is_final and expected:
            with redis.Redis.from_url(self.house.redis_url) as client:
                opened = client.zscore(PREFIX + board.key, "whole") is not None
            assert opened, "the copy is there, and this was read from it"


def test_whatever_happens_the_boards_are_what_the_database_says(house: House) -> None:
    class TheseServers(Servers):
        pass

    TheseServers.house = house
    run_state_machine_as_test(
        TheseServers,
        settings=settings(
            max_examples=60, stateful_step_count=30, suppress_health_check=list(HealthCheck), deadline=None
        ),
    )


def test_what_a_server_that_died_has_not_shown_is_shown_by_another(town: Town) -> None:
    one, two = town.boards(), town.boards()
    one.refresh()
    two.refresh()
    ann, bob = town.player("ann"), town.player("bob")
    town.end(one, ann, town.begin(ann), 0.5)
    on_its_way = town.end(one, bob, town.begin(bob), 0.25)
    town.ban(bob)
    town.boards().drop()
    two.refresh()
    one.show(on_its_way)  # after the ban
    assert str(bob).encode() in copied(town.house)
    town.end(one, ann, town.begin(ann), 0.5)
    assert shown(town, two) == [(1, "ann", 500_000)]
    town.clock.advance(CATCH_UP.total_seconds())
    two.refresh()
    assert shown(town, two) == [(1, "ann", 1_000_000)]
    assert str(bob).encode() not in copied(town.house)


def test_scores_of_one_player_that_end_at_once_on_two_servers_add_up(town: Town) -> None:
    """Whichever is committed first: the later transaction waits for the other and sees its round."""
    one, two = town.boards(), town.boards()
    one.refresh()
    two.refresh()
    ann = town.player("ann")
    rounds = [town.begin(ann), town.begin(ann)]
    first = town.end(one, ann, rounds[0], 0.5)
    second = town.end(two, ann, rounds[1], 0.25)
    two.show(second)
    one.show(first)
    assert shown(town, one) == shown(town, two) == [(1, "ann", 750_000)]


def test_who_stands_on_the_last_line_is_decided_by_name(town: Town) -> None:
    boards = town.boards()
    boards.refresh()
    town.play(boards, town.player("the best"), 1.0)
    names = [f"player {number:02}" for number in range(SHOWN + 10)]
    for name in reversed(names):
        town.play(boards, town.player(name), 0.5)
    copy = shown(town, boards)
    assert copy == [(1, "the best", 1_000_000), *((2, name, 500_000) for name in names[: SHOWN - 1])]
    emptied(town.house)
    assert shown(town, boards) == copy
    assert town.boards().view(ALL_TIME).entries == boards.view(ALL_TIME).entries


def test_an_emptied_redis_is_not_noticed_by_those_who_look(town: Town) -> None:
    boards = town.boards()
    boards.refresh()
    ann, bob = town.player("ann"), town.player("bob")
    town.play(boards, ann, 0.5)
    town.play(boards, bob, 0.75)
    before = shown(town, boards)
    emptied(town.house)
    assert shown(town, boards) == before == [(1, "bob", 750_000), (2, "ann", 500_000)]
    assert boards.standing(ann).rank == 2
    assert not copied(town.house)
    town.play(boards, ann, 0.5)  # nothing is put on a board that is not whole
    assert not copied(town.house)
    boards.refresh()
    assert copied(town.house) == {b"whole": -1, str(ann).encode(): 1_000_000, str(bob).encode(): 750_000}
    assert shown(town, boards) == [(1, "ann", 1_000_000), (2, "bob", 750_000)]


def test_a_redis_that_is_away_costs_one_try_and_no_score(town: Town) -> None:
    boards = town.boards()
    boards.refresh()
    ann = town.player("ann")
    with cut_off(boards):
        for _ in range(3):
            town.play(boards, ann, 0.5)
        tries = boards.cache.client.connection_pool.get_connection
        assert shown(town, boards) == [(1, "ann", 1_500_000)]
        assert boards.standing(ann).total == 1.5
        assert tries.call_count == 1  # type: ignore[attr-defined]
        boards.refresh()
        assert tries.call_count == 2  # type: ignore[attr-defined]
    assert copied(town.house) == {b"whole": -1}
    boards.refresh()
    assert copied(town.house) == {b"whole": -1, str(ann).encode(): 1_500_000}


def test_a_redis_that_is_nowhere_is_done_without(town: Town) -> None:
    boards = Leaderboards(town.house.database, "redis://127.0.0.1:1/0", "UTC", town.clock)
    ann = town.player("ann")
    boards.refresh()
    town.play(boards, ann, 0.5)
    assert shown(town, boards) == [(1, "ann", 500_000)]
    assert boards.standing(ann).rank == 1
    for change in (boards.rebuild, boards.drop):
        with pytest.raises(Problem) as problem:
            change()
        assert problem.value.code == "redis_away"


def test_what_an_older_redis_comes_back_with_is_not_believed(town: Town) -> None:
    """It was started again from a file that it had written some minutes before."""
    boards = town.boards()
    boards.refresh()
    ann = town.player("ann")
    town.play(boards, ann, 0.5)
    with redis.Redis.from_url(town.house.redis_url) as client:
        client.zadd(PREFIX + ALL_TIME.key, {str(ann): 1})
    boards.refresh()
    assert shown(town, boards) == [(1, "ann", 1)]  # nothing tells
    with patch.object(boards.cache, "life", return_value="another"):
        boards.refresh()
    assert shown(town, boards) == [(1, "ann", 500_000)]


def test_a_score_that_comes_while_a_board_is_built_is_on_it(town: Town) -> None:
    boards = town.boards()
    boards.refresh()
    ann = town.player("ann")
    town.play(boards, ann, 0.5)
    other = town.boards()
    other.refresh()

    def read_then_play() -> dict[int, int]:
        read = {ann: 500_000}
        town.play(other, ann, 0.25)
        return read

    assert boards.cache.build(ALL_TIME.key, read_then_play)
    assert copied(town.house)[str(ann).encode()] == 750_000


@pytest.mark.parametrize("meanwhile", ["emptied", "begun anew", "dropped"])
def test_a_build_that_was_overtaken_makes_no_half_board(town: Town, meanwhile: str) -> None:
    boards = town.boards()
    boards.refresh()

    def overtake() -> dict[int, int]:
        if meanwhile == "emptied":
            emptied(town.house)
        elif meanwhile == "dropped":
            boards.drop()
        else:
            assert boards.cache.build(ALL_TIME.key, lambda: {1: 5})
        return {1: 3, 2: 4}

    assert not boards.cache.build(ALL_TIME.key, overtake)
    assert copied(town.house) == ({b"1": 5, b"whole": -1} if meanwhile == "begun anew" else {})


def test_a_banned_player_is_on_no_board_and_is_not_told(town: Town) -> None:
    boards = town.boards()
    boards.refresh()
    ann, bob = town.player("ann"), town.player("bob")
    town.play(boards, ann, 0.5)
    town.play(boards, bob, 0.75)
    town.ban(bob)
    town.boards().drop()
    assert shown(town, boards) == [(1, "ann", 500_000)]
    boards.refresh()
    assert shown(town, boards) == [(1, "ann", 500_000)]
    assert (boards.standing(bob).total, boards.standing(bob).rank) == (0.75, 1)
    assert boards.standing(ann).rank == 1
    town.play(boards, bob, 0.5)
    assert shown(town, boards) == [(1, "ann", 500_000)]
    assert boards.standing(bob).total == 1.25
    town.ban(bob, banned=False)
    town.boards().drop()
    assert shown(town, boards) == [(1, "bob", 1_250_000), (2, "ann", 500_000)]


def test_today_ends_at_midnight_where_the_server_says(town: Town) -> None:
    boards, elsewhere = town.boards("Asia/Kolkata"), town.boards("UTC")  # of which one reads the database
    ann = town.player("ann")
    day = boards.today()
    assert day.ends is not None
    town.clock.advance(day.ends.timestamp() - town.clock.now() - 1)
    boards.refresh()
    town.play(boards, ann, 0.5)
    assert [lines(each.view(each.today()).entries) for each in (boards, elsewhere)] == [
        [(1, "ann", 500_000)]
    ] * 2
    town.clock.advance(MOMENT)
    boards.refresh()
    assert boards.today() != day
    assert lines(boards.view(boards.today()).entries) == []
    assert lines(elsewhere.view(elsewhere.today()).entries) == [(1, "ann", 500_000)]


def test_who_has_nothing_stands_behind_all_who_have(town: Town) -> None:
    boards = town.boards()
    ann, bob = town.player("ann"), town.player("bob")
    assert (boards.standing(ann).total, boards.standing(ann).rank) == (0, 1)
    town.play(boards, bob, 0.5, None)
    for _ in range(2):  # from the database, then from the copy
        town.clock.advance(MOMENT)
        assert (boards.standing(ann).total, boards.standing(ann).rank) == (0, 2)
        boards.refresh()
    assert shown(town, boards) == [(1, "bob", 500_000)]
