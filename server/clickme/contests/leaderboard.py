"""Leaderboards: quick because Redis has a copy, right because Postgres is asked where it may be wrong."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from threading import Lock
from typing import NamedTuple, TypeVar

import structlog
from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from clickme.contests import scores as truth
from clickme.contests import service
from clickme.contests.boards import (
    ALL_TIME,
    MILLION,
    Board,
    Entry,
    Score,
    board_of_contest,
    board_of_day,
    placed,
    top,
)
from clickme.contests.cache import Cache, Place
from clickme.contests.lately import Lately
from clickme.contests.windows import zone_called
from clickme.kit.clock import Clock, SystemClock, as_time
from clickme.kit.database import Database
from clickme.kit.metrics import ERRORS
from clickme.kit.problems import Problem
from clickme.players.service import Standing

log = structlog.get_logger()

SHOWN = 50  # lines of a board
CATCH_UP = timedelta(seconds=30)  # between two looks for what a server that died has not shown
LATEST = timedelta(minutes=5)  # after a round's end, until it is surely committed

T = TypeVar("T")


class View(NamedTuple):
    """The first lines of a board, as they were at a moment."""

    entries: list[Entry]
    as_of: datetime


class Ranking:
    """All of a board, as Postgres has it."""

    def __init__(self, scores: dict[int, int]) -> None:
        self.scores = sorted(scores.items(), key=lambda one: -one[1])
        self.ascending = sorted(scores.values())

    def better(self, score: int) -> int:
        return len(self.ascending) - bisect_right(self.ascending, score)


class Leaderboards:
    """The boards of all time, of the day in `time_zone`, and of contests.

    The copy is trusted while all that this process has to add to it has arrived, and its Redis lives on. Else
    Postgres is asked, at most a twentieth of the time, until `refresh` has built the copy anew.
    """

    def __init__(
        self, database: Database, redis_url: str, time_zone: str, clock: Clock | None = None
    ) -> None:
        """Problem `no_such_zone`."""
        self.database = database
        self.zone = zone_called(time_zone)
        self.clock = clock or SystemClock()
        self.cache = Cache(redis_url)
        self.views: Lately[View] = Lately(self.clock)
        self.rankings: Lately[Ranking] = Lately(self.clock)
        self.life = ""  # of the Redis, when it was last asked
        self.answers = False  # it does: else nobody waits for it until `refresh` finds it back
        self.losses = 1  # how often the copy may have missed something
        self.mended = 0  # losses, when it was last built
        self.counting = Lock()
        self.caught_up = as_time(self.clock.now())

    # What the game says

    def scores(self, session: Session, ends: Iterable[tuple[int, datetime]]) -> list[Score]:
        """What players have on the boards that count when rounds of theirs ended, by (player, moment).

        Called in the transaction that ended and paid the rounds, after it has.
        """
        players: dict[Board, list[int]] = {}
        for player_id, at in ends:
            players.setdefault(board_of_day(at, self.zone), []).append(player_id)
        return [score for day, theirs in players.items() for score in truth.earned(session, theirs, day)]

    def show(self, scores: Sequence[Score]) -> None:
        """Put scores on the boards, once they are committed. Never raises: what fails is made good later."""
        if scores:
            self._ask(lambda: self.cache.add(scores))

    def refresh(self) -> None:
        """Freeze contests that are over; build what is missing or mistrusted; make good what was not shown.

        For every few seconds, in every server. SQLAlchemyError where the database is away.
        """
        now = as_time(self.clock.now())
        boards = self._moving(now)
        keys = [board.key for board in boards]
        try:
            self._notice_restart()
            losses = self.losses
            if losses != self.mended:
                self._build(boards)
                self.mended, self.caught_up = losses, now
            elif missing := self.cache.missing(keys):
                self._build([board for board in boards if board.key in missing])
            if now >= self.caught_up + CATCH_UP:
                self._catch_up(keys, now)
        except RedisError as error:
            self._lose(error)

    # What people ask

    def today(self) -> Board:
        return board_of_day(as_time(self.clock.now()), self.zone)

    def view(self, board: Board) -> View:
        """The first 50 lines, a second old at most while the copy is trusted."""
        return self.views.get(board, lambda: self._view(board))

    def place(self, board: Board, player_id: int) -> Place:
        """A player's own score on a board, and how many have more. They need not be on it."""
        return self.places(board, {player_id})[player_id]

    def places(self, board: Board, player_ids: Set[int]) -> dict[int, Place]:
        """The same of many, with one question."""

        def own(those: Set[int]) -> dict[int, int]:
            with self.database.transaction() as session:
                return truth.own(session, board, those)

        if self._may_copy(board):
            found = self._ask(lambda: self.cache.places(board.key, player_ids, own))
            if found is not None:
                return found
        ranking = self._ranking(board)
        return {each: Place(score, ranking.better(score)) for each, score in own(player_ids).items()}

    def ranks(self, player_ids: Set[int]) -> dict[int, int]:
        """Of all time: 1 for the first."""
        return {each: place.better + 1 for each, place in self.places(ALL_TIME, player_ids).items()}

    def standing(self, player_id: int) -> Standing:
        """A player's points of all time, and their rank: 1 for the first."""
        place = self.place(ALL_TIME, player_id)
        return Standing(place.score / MILLION, place.better + 1)

    # What those who look after it ask

    def rebuild(self) -> dict[str, int]:
        """Build every board that still moves; how many players are on each. Problem `redis_away`."""
        with self._reached():
            boards = self._moving(as_time(self.clock.now()))
            self._build(boards)
            return {board.key: len(self._everybodys(board)) for board in boards}

    def drop(self) -> None:
        """Forget the copies, since scores have gone: servers build them anew soon. Problem `redis_away`."""
        with self._reached():
            self.cache.drop([board.key for board in self._moving(as_time(self.clock.now()))])

    # Inside

    def _view(self, board: Board) -> View:
        now = as_time(self.clock.now())
        found: Sequence[tuple[int, int]] | None = None
        if self._may_copy(board):
            found = self._ask(lambda: self.cache.top(board.key, SHOWN))
        if found is None:
            found = top(self._ranking(board).scores, SHOWN)
        with self.database.transaction() as session:
            names = truth.names(session, [player_id for player_id, _ in found])
        return View(placed(found, names)[:SHOWN], now)

    def _ranking(self, board: Board) -> Ranking:
        return self.rankings.get(board, lambda: Ranking(self._everybodys(board)))

    def _everybodys(self, board: Board) -> dict[int, int]:
        with self.database.transaction() as session:
            return truth.everybodys(session, board)

    def _moving(self, now: datetime) -> list[Board]:
        """The boards on which something may still change, once contests that are over are frozen."""
        with self.database.transaction() as session:
            frozen = service.freeze(session, now)
            contests = service.moving(session, now)
        for contest in frozen:
            log.info("contest_frozen", contest=contest.id)
        return [ALL_TIME, board_of_day(now, self.zone), *map(board_of_contest, contests)]

    def _build(self, boards: Sequence[Board]) -> None:
        for board in boards:
            self.cache.build(board.key, partial(self._everybodys, board))

    def _catch_up(self, keys: Sequence[str], now: datetime) -> None:
        """Show again what was earned lately, should a server have died between a commit and its copy.

        And take off again who was banned lately, should a score of theirs have been on its way.
        """
        since = self.caught_up - LATEST
        with self.database.transaction() as session:
            players = truth.lately_recognised(session, since)
            scores = truth.earned(session, players, board_of_day(now, self.zone))
            banned = truth.lately_banned(session, since)
        self.cache.add(scores)
        if banned:
            self.cache.remove(keys, banned)
        self.caught_up = now

    def _notice_restart(self) -> None:
        life = self.cache.life()
        if life != self.life:
            self._count_loss()
            self.life = life
        self.answers = True

    def _may_copy(self, board: Board) -> bool:
        return self.answers and self.losses == self.mended and not board.is_final

    def _ask(self, what: Callable[[], T]) -> T | None:
        """What the copy says; None where it does not answer, which costs whoever comes next nothing."""
        if not self.answers:
            self._count_loss()
            return None
        try:
            return what()
        except RedisError as error:
            self._lose(error)
            return None

    def _lose(self, error: RedisError) -> None:
        if self.answers:
            log.warning("leaderboards_away", error=str(error))
        ERRORS.labels("leaderboards_away").inc()
        self.answers = False
        self._count_loss()

    def _count_loss(self) -> None:
        with self.counting:
            self.losses += 1

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except RedisError:
            raise Problem(
                "redis_away",
                "The Redis does not answer, so the leaderboards are as they were. "
                "Once it does, run: clickme leaderboard rebuild",
                status=503,
            ) from None
