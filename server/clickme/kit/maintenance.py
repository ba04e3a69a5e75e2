"""The switch for maintenance: while it is on nothing new begins, and what has begun ends as always.

It is a row in Postgres. There it outlives an emptied Redis and a restart, and all servers see it at once.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Final
from weakref import WeakKeyDictionary

import structlog
from fastapi.responses import JSONResponse
from sqlalchemy import CheckConstraint, SmallInteger, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, Session, mapped_column
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from clickme.kit.database import Database
from clickme.kit.house import House
from clickme.kit.metrics import ERRORS, IN_MAINTENANCE
from clickme.kit.tables import UTC_TIME, Table

log = structlog.get_logger()

FRESH: Final = 1.0  # s, that a server goes by what it read last
AGAIN: Final = 15  # s, after which programs are asked to try again
WORDS: Final = "Somebody looks after it just now, and it will not be long. What you painted is kept."


class Maintenance(Table):
    """One row while maintenance goes on, none otherwise."""

    __tablename__ = "maintenance"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    message: Mapped[str]  # what players are told
    since: Mapped[datetime] = mapped_column(UTC_TIME, server_default=func.now())


def begin(session: Session, words: str = WORDS) -> None:
    """Let nothing new begin from now on. Where it goes on already, only what players are told changes."""
    new = insert(Maintenance).values(id=1, message=words)
    session.execute(
        new.on_conflict_do_update(index_elements=[Maintenance.id], set_={"message": new.excluded.message})
    )


def end(session: Session) -> None:
    """Let rounds begin again."""
    session.execute(delete(Maintenance))


def current(session: Session) -> Maintenance | None:
    """The maintenance that goes on; None where none does."""
    return session.scalar(select(Maintenance))


def message(house: House) -> str | None:
    """What players are told while maintenance goes on; None where none does.

    For threads: it asks the database, once a second at most, however many call. While the database is away it
    says what it said last.
    """
    return _heard.setdefault(house.database, Heard()).now(house.database)


async def said(house: House) -> str | None:
    """The same, for the event loop, which is not held up."""
    heard = _heard.setdefault(house.database, Heard())
    if heard.is_old():
        return await run_in_threadpool(heard.now, house.database)
    return heard.words


@dataclass
class Heard:
    """What a server read last."""

    words: str | None = None
    read: float | None = None  # s, on a clock of its own; None: not yet
    lock: Lock = field(default_factory=Lock)

    def now(self, database: Database) -> str | None:
        # One reads, and the others go by what they have: but for the first time, when there is nothing.
        if self.is_old() and self.lock.acquire(blocking=self.read is None):
            try:
                if self.is_old():
                    self._read(database)
            finally:
                self.lock.release()
        return self.words

    def is_old(self) -> bool:
        return self.read is None or time.monotonic() >= self.read + FRESH

    def _read(self, database: Database) -> None:
        try:
            with database.transaction() as session:
                self.words = session.scalar(select(Maintenance.message))
            IN_MAINTENANCE.set(self.words is not None)
        except SQLAlchemyError as error:
            log.warning("maintenance_unknown", error=str(error))
        self.read = time.monotonic()


_heard: WeakKeyDictionary[Database, Heard] = WeakKeyDictionary()


class Resting:
    """Wraps the application of `house`: during maintenance it is read, and nothing is begun over HTTP."""

    def __init__(self, app: ASGIApp, house: House) -> None:
        self.app = app
        self.house = house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begins = scope["type"] == "http" and scope["method"] not in ("GET", "HEAD", "OPTIONS")
        if begins and (words := await said(self.house)) is not None:
            ERRORS.labels("maintenance").inc()
            content = {"error": {"code": "maintenance", "message": words}}
            sorry = JSONResponse(content, 503, {"Retry-After": str(AGAIN)})
            await sorry(scope, receive, send)
            return
        await self.app(scope, receive, send)
