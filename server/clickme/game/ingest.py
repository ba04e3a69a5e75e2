"""The durable log: every bubble that was acknowledged is in Postgres before the acknowledgement leaves.

Batches of all players that come while a commit is under way are committed together by the next one: under
load a commit carries many batches, and a lone one is not held back for company.
"""

import asyncio
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from clickme.game.models import BubbleBatch
from clickme.game.rules import Bubble
from clickme.kit.database import Database

TRIPLE = struct.Struct("<hhh")


def pack(bubbles: Iterable[Bubble]) -> bytes:
    """Little-endian int16 triples x, y, t."""
    return b"".join(TRIPLE.pack(*bubble) for bubble in bubbles)


def unpack(xyt: bytes) -> Iterator[Bubble]:
    return (Bubble(*triple) for triple in TRIPLE.iter_unpack(xyt))


def stored(session: Session, round_id: int) -> list[Bubble]:
    """All bubbles of a round, in order."""
    batches = session.scalars(
        select(BubbleBatch.xyt).where(BubbleBatch.round_id == round_id).order_by(BubbleBatch.first_index)
    )
    return [bubble for xyt in batches for bubble in unpack(xyt)]


@dataclass
class Waiting:
    """A batch on its way into the log; `done` is told whether it is there."""

    round_id: int
    first: int
    xyt: bytes
    done: asyncio.Future[bool]


class Log:
    """The one writer of a process."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.waiting: list[Waiting] = []
        self.writing: asyncio.Task[None] | None = None

    async def append(self, round_id: int, first: int, bubbles: Sequence[Bubble]) -> bool:
        """Write bubbles `first`, `first`+1, … of a round.

        True once they are committed; False if the log already has another batch there (another server has
        taken the round over). Raises what the database raises: then nothing of the commit is kept.
        """
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.waiting.append(Waiting(round_id, first, pack(bubbles), done))
        if self.writing is None:
            self.writing = asyncio.create_task(self._write())
        return await done

    async def close(self) -> None:
        """Return when all that was handed in is written."""
        if self.writing is not None:
            await self.writing

    async def _write(self) -> None:
        while self.waiting:
            batches, self.waiting = self.waiting, []
            try:
                kept = await asyncio.to_thread(self._commit, batches)
            except Exception as error:
                for batch in batches:
                    if not batch.done.cancelled():
                        batch.done.set_exception(error)
            else:
                for batch in batches:
                    if not batch.done.cancelled():
                        batch.done.set_result((batch.round_id, batch.first) in kept)
        self.writing = None

    def _commit(self, batches: Sequence[Waiting]) -> set[tuple[int, int]]:
        rows = [{"round_id": b.round_id, "first_index": b.first, "xyt": b.xyt} for b in batches]
        statement = insert(BubbleBatch).on_conflict_do_nothing()
        with self.database.transaction() as session:
            written = session.execute(
                statement.returning(BubbleBatch.round_id, BubbleBatch.first_index), rows
            )
            return {(round_id, first) for round_id, first in written}
