"""The durable log: every bubble that was acknowledged is in Postgres before the acknowledgement leaves.

What all players of a server do is written together: bubbles, and beginnings and ends of rounds. While one
commit is under way the next gathers, so under load a commit carries much, and a lone player waits for nobody.
"""

import asyncio
import struct
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from clickme.game.metrics import BUBBLES, COMMIT_ENTRIES, COMMITS, LOG_WAITING
from clickme.game.models import COUNTING, BubbleBatch, Round
from clickme.game.rules import Bubble
from clickme.game.service import count_map
from clickme.kit.database import Database

Answer = TypeVar("Answer")

TRIPLE = struct.Struct("<hhh")
LINGER_S: Final = 0.004  # that a commit waits for more, where the last one carried many
MOST_AT_ONCE: Final = 500  # entries in a commit: while one is under way the next is made ready
MOST_WAITING: Final = 10_000  # entries; who has more waits, and so does their browser

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


@dataclass(slots=True)
class Entry:
    """What is to be written: batches of a round, or what `write` does.

    `order` is by what servers lock in the same order.
    """

    done: asyncio.Future[Any]
    round_id: int = 0
    batches: Sequence[Batch] = ()
    late: bool = False
    write: Callable[[Session], Any] | None = None
    order: int = 0


class Log:
    """The one writer of a process. `server` is the name under which it runs rounds (`rounds.served_by`).

    It writes in two lanes, so that no stroke waits for somebody else's round to end.
    """

    def __init__(self, database: Database, server: str) -> None:
        self.database = database
        self.server = server
        self.strokes = Lane(self._append)
        self.doings = Lane(self._do)

    async def append(self, round_id: int, batches: Sequence[Batch], *, late: bool = False) -> bool:
        """Write batches, each after the one before it, of a round that this server runs: all, or none.

        `late` are those of a round that has ended. True once they are committed; False if that is not where
        the log of the round ends, or another server has taken the round over. Raises what the database
        raises: then nothing of them is kept.
        """
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        return bool(await self.strokes.hand_in(Entry(done, round_id, batches, late)))

    async def write(self, what: Callable[[Session], Answer], *, order: int = 0) -> Answer:
        """Have this done in the next commit, with others; what it says, once it is committed.

        It may be done again where a commit did not come off. Raises what it raises, or the database.
        """
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        said: Answer = await self.doings.hand_in(Entry(done, write=what, order=order))
        return said

    async def close(self) -> None:
        """Return when all that was handed in is written."""
        for lane in (self.strokes, self.doings):
            if lane.writing is not None:
                await lane.writing

    def _append(self, entries: Sequence[Entry]) -> Sequence[bool]:
        with self.database.transaction() as session:
            kept = append(session, self.server, entries)
        BUBBLES.inc(
            sum(len(batch.bubbles) for each in entries if each.round_id in kept for batch in each.batches)
        )
        return [entry.round_id in kept for entry in entries]

    def _do(self, entries: Sequence[Entry]) -> Sequence[Any]:
        said: dict[int, Any] = {}
        with self.database.transaction() as session:
            for number, entry in sorted(enumerate(entries), key=lambda each: each[1].order):
                assert entry.write is not None
                said[number] = entry.write(session)
        return [said[number] for number in range(len(entries))]


class Lane:
    """A queue, and who empties it. `commit` writes entries in one transaction, and says what each is told."""

    def __init__(self, commit: Callable[[Sequence[Entry]], Sequence[Any]]) -> None:
        self.commit = commit
        self.waiting: list[Entry] = []
        self.writing: asyncio.Task[None] | None = None
        self.room = asyncio.Condition()
        self.busy = False  # the last commit carried more than one entry

    async def hand_in(self, entry: Entry) -> Any:
        """What the entry is told, when it is committed."""
        if len(self.waiting) >= MOST_WAITING:
            async with self.room:
                await self.room.wait_for(lambda: len(self.waiting) < MOST_WAITING)
        self.waiting.append(entry)
        LOG_WAITING.inc()
        if self.writing is None:
            self.writing = asyncio.create_task(self._write())
        return await entry.done

    async def _write(self) -> None:
        while self.waiting:
            if self.busy and len(self.waiting) < MOST_AT_ONCE:
                await asyncio.sleep(LINGER_S)
            entries, self.waiting = self.waiting[:MOST_AT_ONCE], self.waiting[MOST_AT_ONCE:]
            LOG_WAITING.dec(len(entries))
            async with self.room:
                self.room.notify_all()
            self.busy = len(entries) > 1
            for entry, said in zip(entries, await asyncio.to_thread(self._commit, entries), strict=True):
                if entry.done.cancelled():
                    continue
                if isinstance(said, Exception):
                    entry.done.set_exception(said)
                else:
                    entry.done.set_result(said)
        self.writing = None

    def _commit(self, entries: Sequence[Entry]) -> Sequence[Any]:
        """What each entry is told. One that cannot be written harms no other."""
        began = time.perf_counter()
        try:
            return self.commit(entries)
        except Exception as error:
            gone = isinstance(error, DBAPIError) and error.connection_invalidated
            if gone or len(entries) == 1:
                return [error] * len(entries)
            return [said for entry in entries for said in self._commit([entry])]
        finally:
            COMMITS.observe(time.perf_counter() - began)
            COMMIT_ENTRIES.observe(len(entries))


def append(session: Session, server: str, entries: Sequence[Entry]) -> set[int]:
    """The rounds whose batches the log has taken in. No round may have two entries."""
    late = [entry.round_id for entry in entries if entry.late and entry.batches[0].first == 0]
    if late:  # either its end sees the bubbles, or they see the end
        session.execute(select(Round.id).where(Round.id.in_(late)).order_by(Round.id).with_for_update())
    rows = [(entry, batch) for entry in entries for batch in entry.batches]
    columns = {
        "rounds": array(entry.round_id for entry, _ in rows),
        "starts": array(entry.batches[0].first for entry, _ in rows),
        "firsts": array(batch.first for _, batch in rows),
        "arrivals": array(batch.arrived_ms for _, batch in rows),
        "bubbles": array(f'"\\\\x{pack(batch.bubbles).hex()}"' for _, batch in rows),
    }
    kept = set(session.scalars(APPEND, {**columns, "server": server}))
    if late:
        count_late(session, kept.intersection(late))
    return kept


def count_late(session: Session, round_ids: Collection[int]) -> None:
    """Count the maps of rounds whose end was written before they had bubbles."""
    ended = select(Round.image_id).where(Round.id.in_(round_ids), Round.outcome.in_(COUNTING))
    for image_id in sorted(session.scalars(ended)):
        count_map(session, image_id)
