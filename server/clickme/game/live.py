"""A round that runs in this process: the pure round with its log, its partner, its timer and its player."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from clickme.catalogue.categories import synonyms
from clickme.game import service
from clickme.game.ingest import Log
from clickme.game.models import Reason
from clickme.game.round import Round
from clickme.game.rules import Bubble, Refusal, Rules
from clickme.game.service import Dealt
from clickme.kit.clock import Clock, as_time
from clickme.kit.database import Database
from clickme.players import service as players
from clickme_partner.engine import Engine, Seat
from clickme_partner.errors import PartnerError
from clickme_partner.looks import Verdict
from clickme_partner.photographs import Photographs
from clickme_partner.view import compose

log = structlog.get_logger()

PATIENCE = 15.0  # s, for the partner's last word when the time is up; a queue costs nobody points
MOMENT = 2.0  # s, then, for one that is away: it may be back at once
RETRY = 1.0  # s, until a round's end is written again when the database was away


class Listener(Protocol):
    """Where a player's messages go."""

    async def send(self, message: dict[str, Any]) -> None:
        """Never raises: who is gone hears nothing."""
        ...


@dataclass(frozen=True)
class Surroundings:
    """What every running round needs."""

    database: Database
    log: Log
    partner: Engine
    clock: Clock
    photographs: Photographs = field(default_factory=Photographs)


class Batch(NamedTuple):
    """Bubbles of one frame: the index of the first, and when the frame came, s."""

    first: int
    bubbles: Sequence[Bubble]
    arrived: float


@dataclass(frozen=True)
class Revealed:
    """What there is to see of a round: the photograph in `file` where `bubbles` reveal it."""

    bubbles: Sequence[Bubble]
    file: Path
    rules: Rules
    photographs: Photographs

    @property
    def count(self) -> int:
        return len(self.bubbles)

    def into(self, row: NDArray[np.uint8]) -> None:
        compose(row, *self.photographs.scene(self.file, self.rules.fill), self.bubbles, self.rules.reveal)


@dataclass(eq=False)
class LiveRound:
    """`file` is the photograph's; it is opened when the partner first looks."""

    dealt: Dealt
    round: Round
    file: Path
    around: Surroundings
    listener: Listener
    woken: float  # s, when it came into this process
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)  # what is said of a round is done in its order
    shown: int = 0  # bubbles in the newest view that the partner was shown
    looked: int = 0  # bubbles in the newest view that has had its verdict
    failure: PartnerError | None = None  # why the newest verdict did not come
    seen_by: str | None = None  # name@sha256 of the model that looked last
    timing: asyncio.Task[None] | None = None
    ending: asyncio.Task[None] | None = None
    settled: bool = False  # its end is in the database
    stopped: bool = False  # nothing more is done for it here

    def __post_init__(self) -> None:
        # One place in the partner's queue a player: who runs many rounds at once takes nobody else's turns.
        self.seat: Seat = self.around.partner.seat(self.dealt.player_id, self._hear)

    async def begin(self, pointer: str) -> None:
        now = self.around.clock.now()
        async with self.turn:
            if self.round.begun is None:
                written = await asyncio.to_thread(self._write_begin, now, pointer)
                if not written:
                    raise Refusal("begun_elsewhere", "The round has begun elsewhere. Resume it.")
            self.round.begin(now)
        self.run()

    async def bubbles(self, batches: Sequence[Batch]) -> list[int | Refusal]:
        """Take in batches with one commit.

        For each, how many bubbles of this round are in the log by then, or why it is refused. Refusal
        `taken_over`, of all of them, if the log already holds what this round knows nothing of.
        """
        async with self.turn:
            trial = self.round.copy()
            answers: list[int | Refusal] = []
            for batch in batches:
                try:
                    trial.keep(trial.admit(*batch), batch.arrived)
                    answers.append(len(trial.bubbles))
                except Refusal as refusal:
                    answers.append(refusal)
            had = len(self.round.bubbles)
            new = trial.bubbles[had:]
            if new:
                if not await self.around.log.append(self.dealt.id, had, new):
                    raise Refusal("taken_over", "The round goes on in another window.")
                for bubble, arrived in zip(new, trial.arrivals[had:], strict=True):
                    self.round.keep([bubble], arrived)
        self._show()
        return answers

    async def skip(self) -> None:
        async with self.turn:
            self.round.skip(self.around.clock.now())
        await self._settle()

    async def flag(self, reason: str, note: str | None) -> None:
        async with self.turn:
            self.round.flag(self.around.clock.now())
        await self._settle(flag=(reason, note))

    def over(self) -> bool:
        """Whether nothing more can come of it here."""
        return self.settled and self.round.closed(self.around.clock.now())

    async def hear(self, listener: Listener) -> None:
        """From now on this connection is told of the round; the former one is told so."""
        former, self.listener = self.listener, listener
        if former is not listener:
            await former.send(
                error_message(self.dealt.id, "taken_over", "The round goes on in another window.")
            )

    def run(self) -> None:
        """Keep the time, and show the partner what is there."""
        if self.timing is None and not self.stopped:
            self.timing = asyncio.create_task(self._time())
        self._show()

    def stop(self) -> list[asyncio.Task[None]]:
        """End what runs for this round here, not the round: its tasks, cancelled."""
        self.stopped = True
        self.seat.leave()
        tasks = [task for task in (self.timing, self.ending) if task is not None]
        for task in tasks:
            task.cancel()
        return tasks

    def _show(self) -> None:
        """The partner is shown the newest view, in the place of an older one that still waits."""
        count = self.round.in_time()
        if self.round.running and count > self.shown:
            self.shown = count
            bubbles = tuple(self.round.bubbles[:count])
            self.seat.show(Revealed(bubbles, self.file, self.round.rules, self.around.photographs))

    def _hear(self, said: Verdict | PartnerError) -> None:
        if self.stopped:
            return
        if isinstance(said, PartnerError):
            # A look that fails costs a verdict, not the round: it goes on and ends by the clock.
            self.failure = said
            log.error("no_verdict", round=self.dealt.id, code=said.code, error=said.message)
            return
        self.looked, self.seen_by, self.failure = said.count, said.version, None
        top = said.top(self.round.rules.top_k)
        if self.round.judge(said.count, top, self.around.clock.now()):
            self.ending = asyncio.create_task(self._settle())

    async def _time(self) -> None:
        await self.around.clock.until(self.round.deadline)
        async with self.turn:  # a batch that came in time is taken in first
            self._show()
        await self._last_word()
        if self.round.running:
            self.round.expire(self.around.clock.now(), self._why_unseen())
            await self._settle()

    async def _last_word(self) -> None:
        """Wait for what the partner says of all that came in time: long, or a moment where it is away."""
        resting = asyncio.create_task(self.seat.rest())
        deserted = asyncio.create_task(self.seat.deserted())
        try:
            await asyncio.wait({resting, deserted}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
            if deserted.done():
                await asyncio.wait({resting}, timeout=MOMENT)
        finally:
            resting.cancel()
            deserted.cancel()

    def _why_unseen(self) -> Reason | None:
        """Why the partner has not seen all that was painted in time; None if it has."""
        if self.looked >= self.round.in_time():
            return None
        if self.failure is not None and self.failure.code == "photograph_damaged":
            return Reason.PHOTOGRAPH_DAMAGED
        if self.failure is not None or self.around.partner.away is not None:
            return Reason.PARTNER_AWAY
        return Reason.PARTNER_SLOW

    def _write_begin(self, now: float, pointer: str) -> bool:
        with self.around.database.transaction() as session:
            return service.begin(
                session,
                self.dealt.id,
                begun_at=as_time(now),
                pointer=pointer,
                partner=self.around.partner.version,
            )

    async def _settle(self, flag: tuple[str, str | None] | None = None) -> None:
        """Write the end down, however long the database takes, then say what it holds."""
        self.seat.leave()
        while True:
            try:
                message = await asyncio.to_thread(self._write_end, flag)
                break
            except SQLAlchemyError:
                log.exception("end_not_written", round=self.dealt.id)
                await asyncio.sleep(RETRY)
        self.settled = True
        await self.listener.send(message)

    def _write_end(self, flag: tuple[str, str | None] | None) -> dict[str, Any]:
        assert self.round.outcome is not None and self.round.ended is not None
        with self.around.database.transaction() as session:
            service.end(
                session,
                self.dealt.id,
                self.round.outcome,
                ended_at=as_time(self.round.ended),
                recognised_ms=self.round.recognised_ms,
                points=self.round.points,
                reason=self.round.reason,
                partner=self.seen_by,
            )
            if flag is not None:
                service.flag(session, self.dealt.id, *flag)
            message = end_message(session, self.dealt.id, self.dealt.player_id)
        assert message is not None
        return message


def new_round(dealt: Dealt) -> Round:
    """The state of a round as the database has it, without its bubbles."""
    return Round(
        rules=dealt.rules,
        wanted=synonyms(dealt.class_index),
        begun=dealt.begun_at.timestamp() if dealt.begun_at else None,
    )


def end_message(session: Session, round_id: int, player_id: int) -> dict[str, Any] | None:
    """How a round ended, as the database has it; None while it has not."""
    ended = service.find(session, round_id, player_id)
    if ended is None or ended.outcome is None:
        return None
    standing = players.standing(session, player_id)
    return {
        "t": "end",
        "round": round_id,
        "outcome": ended.outcome,
        "reason": ended.reason,
        "points": ended.points or 0.0,
        "total": standing.total,
        "rank": standing.rank,
    }


def error_message(round_id: int | None, code: str, message: str) -> dict[str, Any]:
    return {"t": "error", "code": code, "message": message, "round": round_id}


def partner_message(*, away: bool) -> dict[str, Any]:
    """Whether the partner rests: nothing else of it is ever said during a round (promise 3)."""
    return {"t": "partner", "away": away}
