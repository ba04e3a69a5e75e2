"""A round that runs in this process: the pure round with its log, its partner, its timer and its player."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from clickme.catalogue.categories import synonyms
from clickme.game import ingest, service
from clickme.game.closing import Closed, Ending
from clickme.game.ingest import Flagging, Log
from clickme.game.metrics import ACKS, BEGUN, ROUNDS
from clickme.game.models import Outcome, Reason
from clickme.game.ranks import Ranks
from clickme.game.round import Round
from clickme.game.rules import Bubble, Refusal, Rules
from clickme.game.service import Beginning, Dealt
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
UNREAD = 2.0  # s, for what came in time and waits for something before it
MOMENT = 2.0  # s, then, for one that is away: it may be back at once
RETRY = 1.0  # s, until a round's end is written again when the database was away


class Listener(Protocol):
    """Where a player's messages go. `gone`: nobody is there any more."""

    gone: bool

    async def send(self, message: dict[str, Any]) -> None:
        """Never raises: who is gone hears nothing."""
        ...

    async def hear_out(self) -> None:
        """Return when all that has come from there by now is done."""
        ...

    async def dismiss(self) -> None:
        """Have them come again, to another server or to the next start of this one. Never raises."""
        ...


@dataclass(frozen=True)
class Surroundings:
    """What every running round needs."""

    database: Database
    log: Log
    ranks: Ranks
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
    """What there is to see of a round: the photograph in `file` where the first `count` bubbles reveal it.

    To the list of bubbles others are added meanwhile: it is only cut when the view's turn has come.
    """

    bubbles: Sequence[Bubble]
    count: int
    file: Path
    rules: Rules
    photographs: Photographs

    def into(self, row: NDArray[np.uint8]) -> None:
        scene = self.photographs.scene(self.file, self.rules.fill)
        compose(row, *scene, self.bubbles[: self.count], self.rules.reveal)


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
    begun_over: Listener | None = None  # the connection on which it began, where that was here
    settled: bool = False  # its end is in the database,
    said: bool = False  # and its player has been told
    stopped: bool = False  # nothing more is done for it here

    def __post_init__(self) -> None:
        # One place in the partner's queue a player: who runs many rounds at once takes nobody else's turns.
        self.seat: Seat = self.around.partner.seat(self.dealt.player_id, self._hear)

    async def begin(self, pointer: str, arrived: float, listener: Listener) -> None:
        """Refusal `begun_elsewhere`, also where it is painted already and began over another connection."""
        async with self.turn:
            if self.round.begun is None:
                version = self.around.partner.version
                if not await self.around.log.begin(
                    Beginning(self.dealt.id, as_time(arrived), pointer, version)
                ):
                    raise begun_elsewhere()
                BEGUN.inc()
            elif self.round.bubbles and self.begun_over is not listener:
                raise begun_elsewhere()  # whoever begins paints from the first bubble on
            self.round.begin(arrived)
            self.begun_over = listener
        self.run()

    async def bubbles(self, batches: Sequence[Batch], listener: Listener) -> list[int | Refusal]:
        """Take in batches of the connection that the round is painted over, with one commit.

        For each, how many bubbles of this round are in the log by then, or why it is refused. Refusal
        `taken_over`, of all of them, where they come over another connection, if the log already holds what
        this round knows nothing of, or another server runs the round.
        """
        async with self.turn:
            if self.stopped or self.listener is not listener:
                raise taken_over()
            had = len(self.round.bubbles)
            new: list[Bubble] = []
            answers: list[int | Refusal] = []
            fresh: list[Batch] = []
            for batch in batches:
                try:
                    admitted = self.round.admit(*batch, after=new)
                except Refusal as refusal:
                    answers.append(refusal)
                    continue
                if admitted:
                    fresh.append(Batch(had + len(new), admitted, batch.arrived))
                    new += admitted
                answers.append(had + len(new))
            if fresh and not await self._append(fresh):
                raise taken_over()
            for batch in fresh:
                self.round.keep(batch.bubbles, batch.arrived)
                ACKS.observe(self.around.clock.now() - batch.arrived)
        self._show()
        return answers

    async def skip(self) -> None:
        async with self.turn:
            self.round.skip(self.around.clock.now())
        await self._settle()

    async def flag(self, reason: str, note: str | None) -> None:
        async with self.turn:
            self.round.flag(self.around.clock.now())
        await self._settle(Flagging(self.dealt.id, reason, note))

    @property
    def runs(self) -> bool:
        """Whether it has begun, and its player is yet to be told how it ended."""
        return self.round.begun is not None and not self.said and not self.stopped

    def over(self) -> bool:
        """Whether nothing more can come of it here."""
        return self.settled and self.round.closed(self.around.clock.now())

    async def hear(self, listener: Listener) -> None:
        """From now on this connection is told of the round; the former one is told so."""
        if listener.gone:  # what they sent before they went takes nothing from who came after them
            return
        former, self.listener = self.listener, listener
        if former is not listener:
            await former.send(refusal_message(self.dealt.id, taken_over()))

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
            self.seat.show(
                Revealed(self.round.bubbles, count, self.file, self.round.rules, self.around.photographs)
            )

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
        with suppress(TimeoutError):
            async with asyncio.timeout(UNREAD):
                await self.listener.hear_out()
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

    async def _append(self, batches: Iterable[Batch]) -> bool:
        assert self.round.begun is not None
        begun, late = self.round.begun, self.round.ended is not None
        stamped = [
            ingest.Batch(first, bubbles, round((arrived - begun) * 1000))
            for first, bubbles, arrived in batches
        ]
        return await self.around.log.append(self.dealt.id, stamped, late=late)

    async def _settle(self, flag: Flagging | None = None) -> None:
        """Write the end down, however long the database takes, then say what it holds."""
        self.seat.leave()
        while True:
            try:
                closed, scores = await self.around.log.end(self._ending(), flag)
                message = self._told(closed) if closed else await asyncio.to_thread(self._found)
                break
            except SQLAlchemyError:
                log.exception("end_not_written", round=self.dealt.id)
                await asyncio.sleep(RETRY)
        self.settled = True
        if message["t"] == "end":
            ROUNDS.labels(message["outcome"]).inc()
            message["rank"] = await self.around.ranks.after(self.dealt.player_id, scores)
        await self.listener.send(message)
        self.said = True

    def _ending(self) -> Ending:
        assert self.round.outcome is not None and self.round.ended is not None
        return Ending(
            self.dealt.id,
            self.round.outcome,
            as_time(self.round.ended),
            recognised_ms=self.round.recognised_ms,
            points=self.round.points,
            reason=self.round.reason,
            partner=self.seen_by,
        )

    def _told(self, closed: Closed) -> dict[str, Any]:
        return told(closed.id, closed.outcome, self.round.reason, self.round.points, closed.total)

    def _found(self) -> dict[str, Any]:
        """How the round has ended before, or that another server runs it and will end it."""
        with self.around.database.transaction() as session:
            message = end_message(session, self.dealt.id, self.dealt.player_id)
        return message or refusal_message(self.dealt.id, taken_over())


def new_round(dealt: Dealt) -> Round:
    """The state of a round as the database has it, without its bubbles."""
    return Round(
        rules=dealt.rules,
        wanted=synonyms(dealt.class_index),
        begun=dealt.begun_at.timestamp() if dealt.begun_at else None,
    )


def end_message(session: Session, round_id: int, player_id: int) -> dict[str, Any] | None:
    """How a round ended, as the database has it, without the player's rank; None while it has not."""
    ended = service.find(session, round_id, player_id)
    if ended is None or ended.outcome is None:
        return None
    total = players.total(session, player_id)
    return told(round_id, ended.outcome, ended.reason, ended.points or 0.0, total)


def told(
    round_id: int, outcome: Outcome, reason: Reason | None, points: float, total: float
) -> dict[str, Any]:
    """How a round ended, in words of the socket."""
    ended = {"outcome": outcome, "reason": reason, "points": points, "total": total, "rank": None}
    return {"t": "end", "round": round_id} | ended


def error_message(round_id: int | None, code: str, message: str) -> dict[str, Any]:
    return {"t": "error", "code": code, "message": message, "round": round_id}


def refusal_message(round_id: int | None, refusal: Refusal) -> dict[str, Any]:
    return error_message(round_id, refusal.code, refusal.message)


def begun_elsewhere() -> Refusal:
    return Refusal("begun_elsewhere", "The round has begun elsewhere. Resume it.")


def taken_over() -> Refusal:
    return Refusal("taken_over", "The round goes on in another window.")


def partner_message(*, away: bool) -> dict[str, Any]:
    """Whether the partner rests: nothing else of it is ever said during a round (promise 3)."""
    return {"t": "partner", "away": away}
