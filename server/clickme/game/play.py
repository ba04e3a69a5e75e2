"""All that a player can do, whichever connection they do it on."""

import asyncio
import secrets
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any
from weakref import WeakSet

import structlog

from clickme.catalogue.store import photograph_path
from clickme.contests.leaderboard import Leaderboards
from clickme.contests.models import Contest
from clickme.contests.service import open_at
from clickme.game import ingest, service
from clickme.game.closing import Ending, end, overdue
from clickme.game.ingest import Flagging
from clickme.game.live import (
    Batch,
    Listener,
    LiveRound,
    Surroundings,
    end_message,
    new_round,
    partner_message,
    taken_over,
)
from clickme.game.metrics import ROUNDS, RUNNING
from clickme.game.models import Outcome, Reason
from clickme.game.partitions import make_room
from clickme.game.ranks import Ranks
from clickme.game.round import Round
from clickme.game.rules import Refusal, Rules
from clickme.game.service import Dealt
from clickme.kit import maintenance
from clickme.kit.clock import Clock, as_time
from clickme.kit.house import House
from clickme_partner.engine import Engine

log = structlog.get_logger()

GRACE = timedelta(seconds=30)  # after its time, before a round whose server says nothing is closed by another
DRAIN = 12.0  # s, for rounds that run when the server is told to stop, and for their last words
SWEEP = 2.0  # s, between two looks for such rounds and for those that are over here
REMEMBERED = 10_000  # rounds that were dealt
ASLEEP = 60.0  # s, that a round which has not begun stays in memory


class Game:
    """The rounds that run in this process."""

    def __init__(self, house: House, partner: Engine, boards: Leaderboards, clock: Clock) -> None:
        self.house = house
        self.rules = Rules(fill=house.settings.fill, top_k=house.settings.top_k)
        server = secrets.token_hex(8)  # the name of this process, for as long as it lives
        self.boards = boards
        log = ingest.Log(house.database, boards, server)
        self.around = Surroundings(house.database, log, Ranks(boards), partner, clock)
        self.draining = False  # nothing more is begun here
        self.contest: Contest | None = None
        self.contest_read = 0.0  # s, on the clock
        self.live: dict[int, LiveRound] = {}
        self.dealt: dict[int, Dealt] = {}  # lately, and not begun here
        # By player and round, and whether it is taken over: who resumes is not answered what bubbles are.
        self.waking: dict[tuple[int, int, bool], asyncio.Task[LiveRound]] = {}
        self.listeners: WeakSet[Listener] = WeakSet()  # all who are there, in a round or not
        self.telling: set[asyncio.Task[None]] = set()
        self.sweeping: asyncio.Task[None] | None = None

    def open(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.around.partner.watching.add(self._partner_changed)
        if self.around.partner.away is not None:
            self._tell_all()
        self.sweeping = asyncio.create_task(self._sweep())

    async def drain(self) -> None:
        """Begin nothing more, and return when the rounds that run here have ended, or after `DRAIN` seconds.

        Players are sent elsewhere: at once, or after the end of their round.
        """
        self.draining = True
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN):
                while running := [live for live in self.live.values() if live.runs]:
                    await self._dismiss_but({live.listener for live in running})
                    await asyncio.sleep(0.05)
                await self._dismiss_but(set())

    def leave(self, then: Callable[[], None]) -> None:
        """From any thread or a signal's handler: drain, then do that."""

        async def leaving() -> None:
            await self.drain()
            then()

        def begin() -> None:
            self.leaving = asyncio.create_task(leaving())

        self.loop.call_soon_threadsafe(begin)

    async def _dismiss_but(self, busy: Collection[Listener]) -> None:
        for listener in list(self.listeners):
            if listener not in busy:
                await listener.dismiss()

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

    async def next(self, player_id: int) -> tuple[Dealt, Contest | None]:
        """The photograph that lies ready for this player, and the contest that is open.

        Refusal `no_photographs` when they had them all, `maintenance`, `restarting`.
        """
        await self._may_begin()
        dealt = await self.around.log.deal(player_id, self.rules)
        if dealt is None:
            raise Refusal("no_photographs", "You have painted every photograph there is. Thank you.")
        self.dealt[dealt.id] = dealt
        if len(self.dealt) > REMEMBERED:
            del self.dealt[next(iter(self.dealt))]
        return dealt, await self._contest()

    async def _contest(self) -> Contest | None:
        """The one that was open a second ago at most."""
        now = self.around.clock.now()
        if now >= self.contest_read + 1.0:
            self.contest_read = now  # whoever comes meanwhile has the former one
            self.contest = await asyncio.to_thread(self._read_contest, now)
        return self.contest

    def _read_contest(self, now: float) -> Contest | None:
        with self.house.database.transaction() as session:
            return open_at(session, as_time(now))

    def photograph(self, player_id: int, round_id: int) -> str | None:
        """The hash of the photograph in a player's round, where it was dealt here a moment ago."""
        dealt = self.dealt.get(round_id)
        return dealt.sha256 if dealt and dealt.player_id == player_id else None

    async def begin(
        self, player_id: int, round_id: int, pointer: str, arrived: float, listener: Listener
    ) -> None:
        """Begin a round, at the moment its frame came, s: what it waits for here is not the player's time."""
        await self._may_begin()
        live = self._ready(player_id, round_id, listener) or await self._wake(player_id, round_id, listener)
        try:
            await live.begin(pointer, arrived, listener)
        except Refusal as refusal:
            if refusal.code != "begun_elsewhere" or live.round.begun is not None:
                raise
            self._forget(live)  # the database knows more of it, if only because a commit's answer was lost
            live = await self._wake(player_id, round_id, listener)
            await live.begin(pointer, arrived, listener)
        if live.stopped:  # while its beginning waited, another connection went on with what the database knew
            return
        self.live[round_id] = live
        await live.hear(listener)

    def _ready(self, player_id: int, round_id: int, listener: Listener) -> LiveRound | None:
        """A round that was dealt here. Should it have begun elsewhere, its `begin` shows that."""
        dealt = self.dealt.pop(round_id, None)
        if (
            dealt is None
            or dealt.player_id != player_id
            or dealt.begun_at is not None
            or round_id in self.live
        ):
            return None
        self.live[round_id] = live = self._live(dealt, new_round(dealt), listener)
        return live

    def _live(self, dealt: Dealt, played: Round, listener: Listener) -> LiveRound:
        file = photograph_path(self.house.home.photographs, dealt.sha256)
        return LiveRound(dealt, played, file, self.around, listener, self.around.clock.now())

    async def _may_begin(self) -> None:
        if self.draining:
            raise Refusal("restarting", "The server restarts: one moment.")
        if (words := await maintenance.said(self.house)) is not None:
            raise Refusal("maintenance", words)

    async def bubbles(
        self, player_id: int, round_id: int, batches: Sequence[Batch], listener: Listener
    ) -> list[int | Refusal]:
        """For each batch, how many bubbles of the round are kept by then, or why it is refused.

        Bubbles take no round over: they may have been sent before another connection did.
        """
        if listener.gone and round_id not in self.live:
            raise taken_over()  # it is brought back for those who come again, and they send this again
        live = await self._wake(player_id, round_id, listener, take_over=False)
        try:
            return await live.bubbles(batches, listener)
        except Refusal:
            if live.listener is not listener:
                raise
            self._forget(live)  # the log knows more of it, if only because a commit's answer was lost
            live = await self._wake(player_id, round_id, listener, take_over=False)
            live.listener = listener  # as it was: another connection may have woken it in the same moment
            return await live.bubbles(batches, listener)

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
            await self.around.log.flag(Flagging(round_id, reason, note))
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
            self._forget(live)  # the database may know more: a beginning whose answer was lost
            live = await self._wake(player_id, round_id, listener)
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
            await listener.send(message | {"rank": await self.around.ranks.after(player_id)})

    async def _wake(
        self, player_id: int, round_id: int, listener: Listener, *, take_over: bool = True
    ) -> LiveRound:
        """A player's round, running here or brought back from the database.

        Another server that runs it loses it to this one. Refusal `no_such_round` for one that is not theirs,
        `round_over` for one that has ended, `taken_over` where another server runs it and is to go on.
        """
        live = self.live.get(round_id)
        if live is None:
            key = (player_id, round_id, take_over)
            if key not in self.waking:
                waking = asyncio.create_task(self._bring_back(player_id, round_id, listener, take_over))
                waking.add_done_callback(lambda _: self.waking.pop(key))
                self.waking[key] = waking
            live = self.live.setdefault(round_id, await asyncio.shield(self.waking[key]))
        if live.dealt.player_id != player_id:
            raise Refusal("no_such_round", "You have no such round.")
        if live.over():
            raise Refusal("round_over", "The round is over.")
        if live.round.running and live.timing is None:
            live.run()
        return live

    async def _bring_back(
        self, player_id: int, round_id: int, listener: Listener, take_over: bool
    ) -> LiveRound:
        now = self.around.clock.now()
        dealt, played = await asyncio.to_thread(self._read, player_id, round_id, now, take_over)
        return self._live(dealt, played, listener)

    def _forget(self, live: LiveRound) -> None:
        """Let go of a round of which the database knows more, unless its end is being written here."""
        if live.round.ended is None:
            live.stop()
            if self.live.get(live.dealt.id) is live:
                del self.live[live.dealt.id]

    def _read(self, player_id: int, round_id: int, now: float, take_over: bool) -> tuple[Dealt, Round]:
        """A round that is not over, from its log. One whose time has gone by is closed here and now."""
        server = self.around.log.server
        with self.house.database.transaction() as session:
            if take_over:  # before its log is read, so that nothing is added to it elsewhere afterwards
                service.take_over(session, round_id, player_id, server)
            dealt = service.find(session, round_id, player_id)
            if dealt is None:
                raise Refusal("no_such_round", "You have no such round.")
            if dealt.begun_at is not None and dealt.ended_at is None and dealt.served_by != server:
                raise taken_over()
            played = new_round(dealt)
            over = dealt.ended_at is not None
            if not over:
                played.recall(ingest.stored(session, round_id), now)
                if played.begun is not None and now >= played.deadline:
                    ended_at = as_time(played.deadline)
                    end(session, [Ending(round_id, Outcome.TIMEOUT, ended_at, reason=Reason.SERVER_GONE)])
                    over = True
        if over:
            raise Refusal("round_over", "The round is over.")
        return dealt, played

    def _read_end(self, player_id: int, round_id: int) -> dict[str, Any] | None:
        with self.house.database.transaction() as session:
            return end_message(session, round_id, player_id)

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
        """Close what others left behind, let go of what is over here, and see to it that the log has room."""
        while True:
            pause = SWEEP
            try:
                await asyncio.to_thread(self._close_overdue, frozenset(self.live))
                await asyncio.to_thread(self._make_room)
                await asyncio.to_thread(self.boards.refresh)
            except Exception:
                # The others were cut off as well: they are given time to write the ends that they know.
                log.exception("sweep_failed")
                pause = GRACE.total_seconds()
            now = self.around.clock.now()
            for round_id, live in list(self.live.items()):
                asleep = live.round.begun is None and now > live.woken + ASLEEP
                if asleep or live.over():
                    del self.live[round_id]
            RUNNING.set(sum(live.round.running for live in self.live.values()))
            await asyncio.sleep(pause)

    def _make_room(self) -> None:
        with self.house.database.transaction() as session:
            if added := make_room(session):
                log.info("log_extended", until_round=added)

    def _close_overdue(self, ours: frozenset[int]) -> None:
        with self.house.database.transaction() as session:
            closed = overdue(session, as_time(self.around.clock.now()), GRACE, ours)
        if closed:
            log.info("rounds_closed", rounds=[each.id for each in closed])
            ROUNDS.labels(Outcome.TIMEOUT).inc(len(closed))
