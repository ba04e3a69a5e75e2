"""The durable log: every bubble that was acknowledged is in Postgres before the acknowledgement leaves.

What all players of a server do is written together: bubbles; and rounds that are dealt, begin and end. While
one commit is under way the next gathers, so under load a commit carries much, and a lone player waits for
nobody.
"""

import struct
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from clickme.contests.boards import Score
from clickme.contests.leaderboard import Leaderboards
from clickme.game import service
from clickme.game.closing import Closed, Ending, count_maps, end
from clickme.game.dealing import deal
from clickme.game.lane import Lane
from clickme.game.metrics import BUBBLES, COMMIT_ENTRIES, COMMITS, LOG_WAITING
from clickme.game.models import COUNTING, BubbleBatch, Outcome, Round
from clickme.game.rules import Bubble, Rules
from clickme.game.service import Beginning, Dealt
from clickme.kit.database import Database

Entry = TypeVar("Entry")

TRIPLE = struct.Struct("<hhh")

# Only of rounds that this server runs: what another one has taken over goes on there. The lock makes one who
# takes a round over wait until what is on its way into the log is there to be read; ends do not wait for it.
# What is handed in together goes in together, and only where the log ends just before it: no bubble is ever
# there twice.
APPEND = text(
    """
    WITH own AS MATERIALIZED (
        SELECT id FROM rounds WHERE id = ANY(CAST(:rounds AS bigint[])) AND served_by = :server
        FOR KEY SHARE
    ), ends AS MATERIALIZED (
        SELECT id, coalesce((
            SELECT first_index + length(xyt) / 6 FROM bubble_batches
            WHERE round_id = id ORDER BY first_index DESC LIMIT 1
        ), 0) AS n FROM own
    )
    INSERT INTO bubble_batches (round_id, first_index, arrived_ms, xyt)
    SELECT round_id, first_index, arrived_ms, xyt
    FROM unnest(
        CAST(:rounds AS bigint[]), CAST(:starts AS smallint[]), CAST(:firsts AS smallint[]),
        CAST(:arrivals AS integer[]), CAST(:bubbles AS bytea[])
    ) AS batch (round_id, start, first_index, arrived_ms, xyt)
    JOIN ends ON ends.id = round_id AND ends.n = start
    RETURNING round_id
    """
)


def array(elements: Iterable[object]) -> str:
    """As Postgres reads it. psycopg2 writes an expression for each element, which took half of a commit."""
    return "{" + ",".join(map(str, elements)) + "}"


def pack(bubbles: Iterable[Bubble]) -> bytes:
    """Little-endian int16 triples x, y, t."""
    numbers = [number for bubble in bubbles for number in bubble]
    return struct.pack(f"<{len(numbers)}h", *numbers)


def unpack(xyt: bytes) -> Iterator[Bubble]:
    return (Bubble(*triple) for triple in TRIPLE.iter_unpack(xyt))


class Stored(NamedTuple):
    """A batch of the log. `arrived_ms` counts from the round's beginning; None in rows of older versions."""

    bubbles: list[Bubble]
    arrived_ms: int | None


def stored(session: Session, round_id: int) -> list[Stored]:
    """All of a round, in order."""
    batches = session.execute(
        select(BubbleBatch.xyt, BubbleBatch.arrived_ms)
        .where(BubbleBatch.round_id == round_id)
        .order_by(BubbleBatch.first_index)
    )
    return [Stored(list(unpack(xyt)), arrived_ms) for xyt, arrived_ms in batches]


class Batch(NamedTuple):
    """Bubbles of one frame: the index of the first, and when the frame came, ms into the round."""

    first: int
    bubbles: Sequence[Bubble]
    arrived_ms: int


@dataclass(frozen=True)
class Stroke:
    """Batches of a round, each after the one before it. `late`: the round has ended."""

    round_id: int
    batches: Sequence[Batch]
    late: bool = False


@dataclass(frozen=True)
class Deal:
    player_id: int
    rules: Rules


@dataclass(frozen=True)
class Flagging:
    round_id: int
    reason: str
    note: str | None


@dataclass(frozen=True)
class Finish:
    ending: Ending
    flag: Flagging | None = None


class Finished(NamedTuple):
    """What has become of a round that was to end: None if it was closed before, or another server runs it.

    `scores` are to be shown on the leaderboards.
    """

    closed: Closed | None
    scores: list[Score]


Doing = Deal | Finish | Flagging


class Log:
    """The one writer of a process. `server` is the name under which it runs rounds (`rounds.served_by`).

    It writes in three lanes, so that no stroke waits for somebody else's round to end; nor does a beginning,
    for which the first stroke waits. Each method returns once what it says is committed, and raises what the
    database raises: then nothing of it is kept, or the answer to its commit was lost.
    """

    def __init__(self, database: Database, boards: Leaderboards, server: str) -> None:
        self.database = database
        self.boards = boards
        self.server = server
        self.strokes: Lane[Stroke] = Lane(partial(commit, self._append), LOG_WAITING)
        self.beginnings: Lane[Beginning] = Lane(partial(commit, self._begin), LOG_WAITING)
        self.doings: Lane[Doing] = Lane(partial(commit, self._do), LOG_WAITING)

    async def append(self, round_id: int, batches: Sequence[Batch], *, late: bool = False) -> bool:
        """Write batches of a round that this server runs: all, or none.

        False if that is not where the log of the round ends, or another server has taken the round over.
        """
        return bool(await self.strokes.hand_in(Stroke(round_id, batches, late)))

    async def deal(self, player_id: int, rules: Rules) -> Dealt | None:
        """The round that lies ready for a player, or a new one; None when they have had every photograph."""
        dealt: Dealt | None = await self._do_soon(Deal(player_id, rules))
        return dealt

    async def begin(self, beginning: Beginning) -> bool:
        """False if it had begun or ended before."""
        return bool(await self.beginnings.hand_in(beginning))

    async def end(self, ending: Ending, flag: Flagging | None = None) -> Finished:
        """Close a round, once, if this server runs it; with what its player says of the photograph."""
        finished: Finished = await self._do_soon(Finish(ending, flag))
        return finished

    async def flag(self, flagging: Flagging) -> None:
        """Keep a player's word about a round's photograph."""
        await self._do_soon(flagging)

    async def close(self) -> None:
        """Return when all that was handed in is written."""
        for lane in (self.strokes, self.beginnings, self.doings):
            await lane.close()

    async def _do_soon(self, doing: Doing) -> Any:
        return await self.doings.hand_in(doing)

    def _append(self, strokes: Sequence[Stroke]) -> Sequence[bool]:
        with self.database.transaction() as session:
            kept = append(session, self.server, strokes)
        BUBBLES.inc(
            sum(len(batch.bubbles) for each in strokes if each.round_id in kept for batch in each.batches)
        )
        return [stroke.round_id in kept for stroke in strokes]

    def _begin(self, beginnings: Sequence[Beginning]) -> Sequence[bool]:
        first = firsts(beginnings)
        with self.database.transaction() as session:
            begun = service.begin(session, list(first.values()), self.server)
        return [each.round_id in begun and first[each.round_id] is each for each in beginnings]

    def _do(self, doings: Sequence[Doing]) -> Sequence[Any]:
        deals = [each for each in doings if isinstance(each, Deal)]
        endings = firsts(each.ending for each in doings if isinstance(each, Finish))
        with self.database.transaction() as session:
            dealt = {
                rules: deal(session, [each.player_id for each in deals if each.rules == rules], rules)
                for rules in {each.rules for each in deals}
            }
            closed = end(session, list(endings.values()), self.server)
            scores = self._scores(session, closed, endings)
            for doing in doings:
                flag = doing.flag if isinstance(doing, Finish) else doing
                if isinstance(flag, Flagging):
                    service.flag(session, flag.round_id, flag.reason, flag.note)

        def said(doing: Doing) -> Any:
            match doing:
                case Deal(player_id, rules):
                    return dealt[rules].get(player_id)
                case Finish(ending):
                    mine = closed.get(ending.round_id) if endings[ending.round_id] is ending else None
                    return Finished(mine, scores.get(mine.player_id, []) if mine else [])

        return [said(doing) for doing in doings]

    def _scores(
        self, session: Session, closed: dict[int, Closed], endings: dict[int, Ending]
    ) -> dict[int, list[Score]]:
        """What those now have on the leaderboards whose rounds were recognised."""
        recognised = [each for each in closed.values() if each.outcome is Outcome.RECOGNISED]
        scores: dict[int, list[Score]] = {each.player_id: [] for each in recognised}
        ends = [(each.player_id, endings[each.id].ended_at) for each in recognised]
        for score in self.boards.scores(session, ends):
            scores[score.player_id].append(score)
        return scores


Once = TypeVar("Once", Beginning, Ending)


def firsts(things: Iterable[Once]) -> dict[int, Once]:
    """By their rounds. What is said of a round twice in one commit happens once, as in two."""
    first: dict[int, Once] = {}
    for thing in things:
        first.setdefault(thing.round_id, thing)
    return first


def commit(write: Callable[[Sequence[Entry]], Sequence[Any]], entries: Sequence[Entry]) -> Sequence[Any]:
    """What each entry is told, or why it could not be written. One that cannot be harms no other."""
    began = time.perf_counter()
    try:
        return write(entries)
    except Exception as error:
        gone = isinstance(error, DBAPIError) and error.connection_invalidated
        if gone or len(entries) == 1:
            return [error] * len(entries)
        return [said for entry in entries for said in commit(write, [entry])]
    finally:
        COMMITS.observe(time.perf_counter() - began)
        COMMIT_ENTRIES.observe(len(entries))


def append(session: Session, server: str, strokes: Sequence[Stroke]) -> set[int]:
    """The rounds whose batches the log has taken in. No round may have two strokes."""
    late = [each.round_id for each in strokes if each.late and each.batches[0].first == 0]
    if late:  # either its end sees the bubbles, or they see the end
        session.execute(select(Round.id).where(Round.id.in_(late)).order_by(Round.id).with_for_update())
    rows = [(stroke, batch) for stroke in strokes for batch in stroke.batches]
    columns = {
        "rounds": array(stroke.round_id for stroke, _ in rows),
        "starts": array(stroke.batches[0].first for stroke, _ in rows),
        "firsts": array(batch.first for _, batch in rows),
        "arrivals": array(batch.arrived_ms for _, batch in rows),
        "bubbles": array(f'"\\\\x{pack(batch.bubbles).hex()}"' for _, batch in rows),
    }
    kept = set(session.scalars(APPEND, {**columns, "server": server}))
    if late:  # the maps of rounds whose end was written before they had bubbles
        ended = select(Round.image_id).where(
            Round.id.in_(kept.intersection(late)), Round.outcome.in_(COUNTING)
        )
        count_maps(session, session.scalars(ended).all())
    return kept
