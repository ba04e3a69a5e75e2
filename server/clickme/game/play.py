"""All that a player can do, whichever connection they do it on."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any
from weakref import WeakSet

import structlog

from clickme.catalogue.store import photograph_path
from clickme.game import ingest, service
from clickme.game.live import (
    Batch,
    Listener,
    LiveRound,
    Surroundings,
    end_message,
    new_round,
    partner_message,
)
from clickme.game.models import Outcome, Reason
from clickme.game.round import Round
from clickme.game.rules import Refusal, Rules
from clickme.game.service import Dealt
from clickme.kit.clock import Clock, as_time
from clickme.kit.house import House
from clickme_partner.engine import Engine

log = structlog.get_logger()

GRACE = timedelta(seconds=30)  # after its time, before a round whose server says nothing is closed by another
SWEEP = 2.0  # s, between two looks for such rounds and for those that are over here
ASLEEP = 60.0  # s, that a round which has not begun stays in memory


class Game:
    """The rounds that run in this process."""

    def __init__(self, house: House, partner: Engine, clock: Clock) -> None:
        self.house = house
        self.rules = Rules(fill=house.settings.fill, top_k=house.settings.top_k)
        self.around = Surroundings(house.database, ingest.Log(house.database), partner, clock)
        self.live: dict[int, LiveRound] = {}
        self.waking: dict[tuple[int, int], asyncio.Task[LiveRound]] = {}  # by player and round
        self.listeners: WeakSet[Listener] = WeakSet()  # all who are there, in a round or not
        self.telling: set[asyncio.Task[None]] = set()
        self.sweeping: asyncio.Task[None] | None = None

    def open(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.around.partner.watching.add(self._partner_changed)
        if self.around.partner.away is not None:
            self._tell_all()
        self.sweeping = asyncio.create_task(self._sweep())

    async def close(self) -> None:
        """Leave. What still runs is closed from the log, by another server or by the next start."""
        self.around.partner.watching.discard(self._partner_changed)
        tasks = [task for live in self.live.values() for task in live.stop()]
        tasks += self.telling
        if self.sweeping is not None:
            self.sweeping.cancel()
            tasks.append(self.sweeping)
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.around.log.close()

    async def arrive(self, listener: Listener) -> None:
        """Somebody is there, and is told from now on whether the partner rests."""
        self.listeners.add(listener)
        if self.around.partner.away is not None:
            await listener.send(partner_message(away=True))

    async def next(self, player_id: int) -> Dealt:
        """The photograph that lies ready for this player. Refusal `no_photographs` when they had them all."""
        dealt = await asyncio.to_thread(self._deal, player_id)
        if dealt is None:
            raise Refusal("no_photographs", "You have painted every photograph there is. Thank you.")
        return dealt

    async def begin(self, player_id: int, round_id: int, pointer: str, listener: Listener) -> None:
        live = await self._wake(player_id, round_id, listener)
        try:
            await live.begin(pointer)
        except Refusal as refusal:
            if refusal.code != "begun_elsewhere":
                raise
            self._forget(live)  # the database knows more of it, if only because a commit's answer was lost
            live = await self._wake(player_id, round_id, listener)
            await live.begin(pointer)
        self.live[round_id] = live
        await live.hear(listener)

    async def bubbles(
        self, player_id: int, round_id: int, batches: Sequence[Batch], listener: Listener
    ) -> list[int | Refusal]:
        """For each batch, how many bubbles of the round are kept by then, or why it is refused."""
        live = await self._wake(player_id, round_id, listener)
        try:
            return await live.bubbles(batches)
        except Refusal:
            self._forget(live)  # the log knows more of it, if only because a commit's answer was lost
            live = await self._wake(player_id, round_id, listener)
            return await live.bubbles(batches)

    async def skip(self, player_id: int, round_id: int, listener: Listener) -> None:
        live = await self._wake(player_id, round_id, listener)
        await live.hear(listener)
        await live.skip()

    async def flag(
        self, player_id: int, round_id: int, reason: str, note: str | None, listener: Listener
    ) -> None:
        """Something is wrong: end the round, or note it on one that is over, which stays as it is."""
        try:
            live = await self._wake(player_id, round_id, listener)
            await live.hear(listener)
            await live.flag(reason, note)
        except Refusal as refusal:
            if refusal.code != "round_over":
                raise
            await asyncio.to_thread(self._write_flag, round_id, reason, note)
            await self._say_end(player_id, round_id, listener)

    async def resume(self, player_id: int, round_id: int, listener: Listener) -> None:
        """Go on with a round over this connection: say how many of its bubbles are kept, or how it ended."""
        try:
            live = await self._wake(player_id, round_id, listener)
        except Refusal as refusal:
            if refusal.code != "round_over":
                raise
            await self._say_end(player_id, round_id, listener)
            return
        if live.round.begun is None:
            raise Refusal("not_begun", "The round has not begun.")
        await live.hear(listener)
        await listener.send(
            {
                "t": "resumed",
                "round": round_id,
                "n": len(live.round.bubbles),
                "left_ms": live.round.left_ms(self.around.clock.now()),
            }
        )
        if live.settled:  # otherwise it is said when it is written
            await self._say_end(player_id, round_id, listener)

    async def _say_end(self, player_id: int, round_id: int, listener: Listener) -> None:
        if message := await asyncio.to_thread(self._read_end, player_id, round_id):
            await listener.send(message)

    async def _wake(self, player_id: int, round_id: int, listener: Listener) -> LiveRound:
        """A player's round, running here or brought back from the database.

        Refusal `no_such_round` for one that is not theirs, `round_over` for one that has ended.
        """
        live = self.live.get(round_id)
        if live is None:
            key = (player_id, round_id)
            if key not in self.waking:
                waking = asyncio.create_task(self._bring_back(player_id, round_id, listener))
                waking.add_done_callback(lambda _: self.waking.pop(key))
                self.waking[key] = waking
            live = self.live.setdefault(round_id, await asyncio.shield(self.waking[key]))
        if live.dealt.player_id != player_id:
            raise Refusal("no_such_round", "You have no such round.")
        if live.over():
            raise Refusal("round_over", "The round is over.")
        if live.round.running:
            live.run()
        return live

    async def _bring_back(self, player_id: int, round_id: int, listener: Listener) -> LiveRound:
        now = self.around.clock.now()
        dealt, played = await asyncio.to_thread(self._read, player_id, round_id, now)
        file = photograph_path(self.house.home.photographs, dealt.sha256)
        return LiveRound(dealt, played, file, self.around, listener, now)

    def _forget(self, live: LiveRound) -> None:
        """Let go of a round of which the database knows more, unless its end is being written here."""
        if live.round.ended is None:
            live.stop()
            if self.live.get(live.dealt.id) is live:
                del self.live[live.dealt.id]

    def _deal(self, player_id: int) -> Dealt | None:
        with self.house.database.transaction() as session:
            round_id = service.deal(session, player_id, self.rules)
            return None if round_id is None else service.find(session, round_id, player_id)

    def _read(self, player_id: int, round_id: int, now: float) -> tuple[Dealt, Round]:
        """A round that is not over, from its log. One whose time has gone by is closed here and now."""
        with self.house.database.transaction() as session:
            dealt = service.find(session, round_id, player_id)
            if dealt is None:
                raise Refusal("no_such_round", "You have no such round.")
            played = new_round(dealt)
            over = dealt.ended_at is not None
            if not over:
                # When they came was known to a server that is gone. Now is later, and so earns nobody points.
                played.keep(ingest.stored(session, round_id), now)
                if played.begun is not None and now >= played.deadline:
                    service.end(
                        session,
                        round_id,
                        Outcome.TIMEOUT,
                        ended_at=as_time(played.deadline),
                        reason=Reason.SERVER_GONE,
                    )
                    over = True
        if over:
            raise Refusal("round_over", "The round is over.")
        return dealt, played

    def _read_end(self, player_id: int, round_id: int) -> dict[str, Any] | None:
        with self.house.database.transaction() as session:
            return end_message(session, round_id, player_id)

    def _write_flag(self, round_id: int, reason: str, note: str | None) -> None:
        with self.house.database.transaction() as session:
            service.flag(session, round_id, reason, note)

    def _partner_changed(self) -> None:
        """From the partner's thread."""
        with suppress(RuntimeError):  # the loop is closed: nobody is there to be told
            self.loop.call_soon_threadsafe(self._tell_all)

    def _tell_all(self) -> None:
        away = self.around.partner.away
        if away is None:
            log.info("partner_back", version=self.around.partner.version)
        else:
            log.warning("partner_away", code=away.code, error=away.message)
        for listener in self.listeners:
            telling = asyncio.create_task(listener.send(partner_message(away=away is not None)))
            self.telling.add(telling)
            telling.add_done_callback(self.telling.discard)

    async def _sweep(self) -> None:
        """Close what others left behind, and let go of what is over here."""
        while True:
            pause = SWEEP
            try:
                await asyncio.to_thread(self._close_overdue, frozenset(self.live))
            except Exception:
                # The others were cut off as well: they are given time to write the ends that they know.
                log.exception("sweep_failed")
                pause = GRACE.total_seconds()
            now = self.around.clock.now()
            for round_id, live in list(self.live.items()):
                asleep = live.round.begun is None and now > live.woken + ASLEEP
                if asleep or live.over():
                    del self.live[round_id]
            await asyncio.sleep(pause)

    def _close_overdue(self, ours: frozenset[int]) -> None:
        with self.house.database.transaction() as session:
            closed = service.overdue(session, as_time(self.around.clock.now()), GRACE, ours)
        if closed:
            log.info("rounds_closed", rounds=closed)
