"""All that a player can do, whichever connection they do it on."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog
from sqlalchemy.exc import DBAPIError

from clickme.catalogue.store import photograph_path
from clickme.game import ingest, service
from clickme.game.live import Listener, LiveRound, Partner, Surroundings, end_message, new_round
from clickme.game.models import Outcome
from clickme.game.rules import Bubble, Refusal, Rules
from clickme.game.service import Dealt
from clickme.kit.clock import Clock, as_time
from clickme.kit.house import House
from clickme.players import service as players

log = structlog.get_logger()

GRACE = timedelta(seconds=10)  # after its time, before a round whose server says nothing is closed by another
SWEEP = 2.0  # s, between two looks for such rounds and for those that are over here
ASLEEP = 60.0  # s, that a round which has not begun stays in memory


class Game:
    """The rounds that run in this process."""

    def __init__(self, house: House, partner: Partner, clock: Clock) -> None:
        self.house = house
        self.rules = Rules()
        self.around = Surroundings(house.database, ingest.Log(house.database), partner, clock)
        self.live: dict[int, LiveRound] = {}
        self.waking: dict[tuple[int, int], asyncio.Task[LiveRound]] = {}  # by player and round
        self.sweeping: asyncio.Task[None] | None = None

    def open(self) -> None:
        self.sweeping = asyncio.create_task(self._sweep())

    async def close(self) -> None:
        """Leave. What still runs is closed from the log, by another server or by the next start."""
        tasks = [task for live in self.live.values() for task in live.stop()]
        if self.sweeping is not None:
            self.sweeping.cancel()
            tasks.append(self.sweeping)
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.around.log.close()

    async def next(self, player_id: int) -> Dealt:
        """The photograph that lies ready for this player. Refusal `no_photographs` when they had them all."""
        dealt = await asyncio.to_thread(self._deal, player_id)
        if dealt is None:
            raise Refusal("no_photographs", "You have painted every photograph there is. Thank you.")
        return dealt

    async def begin(self, player_id: int, round_id: int, pointer: str, listener: Listener) -> None:
        live = await self._wake(player_id, round_id, listener)
        live.listener = listener
        await live.begin(pointer)
        self.live[round_id] = live

    async def bubbles(
        self, player_id: int, round_id: int, first: int, bubbles: Sequence[Bubble], listener: Listener
    ) -> int:
        """How many bubbles of the round are kept, once these are."""
        live = await self._wake(player_id, round_id, listener)
        try:
            return await live.bubbles(first, bubbles)
        except Refusal as refusal:
            if refusal.code == "taken_over":
                live.stop()
                self.live.pop(round_id, None)
            raise

    async def skip(self, player_id: int, round_id: int, listener: Listener) -> None:
        live = await self._wake(player_id, round_id, listener)
        live.listener = listener
        await live.skip()

    async def flag(
        self, player_id: int, round_id: int, reason: str, note: str | None, listener: Listener
    ) -> None:
        """Something is wrong: end the round, or note it on one that is over, which stays as it is."""
        try:
            live = await self._wake(player_id, round_id, listener)
            live.listener = listener
            await live.flag(reason, note)
        except Refusal as refusal:
            if refusal.code != "round_over":
                raise
            await asyncio.to_thread(self._write_flag, round_id, reason, note)
            await self._say_end(player_id, round_id, listener)

    def _write_flag(self, round_id: int, reason: str, note: str | None) -> None:
        with self.house.database.transaction() as session:
            service.flag(session, round_id, reason, note)

    async def resume(self, player_id: int, round_id: int, listener: Listener) -> None:
        """Go on with a round over this connection: say how many of its bubbles are kept, or how it ended."""
        try:
            live = await self._wake(player_id, round_id, listener)
        except Refusal as refusal:
            if refusal.code != "round_over":
                raise
            await self._say_end(player_id, round_id, listener)
            return
        if live.listener is not listener:
            former, live.listener = live.listener, listener
            await former.send(
                {
                    "t": "error",
                    "code": "taken_over",
                    "message": "The round goes on in another window.",
                    "round": round_id,
                }
            )
        if live.round.begun is None:
            raise Refusal("not_begun", "The round has not begun.")
        await listener.send(
            {
                "t": "resumed",
                "round": round_id,
                "n": len(live.round.bubbles),
                "left_ms": live.round.left_ms(self.around.clock.now()),
            }
        )
        if live.round.ended is not None:
            await self._say_end(player_id, round_id, listener)

    async def _say_end(self, player_id: int, round_id: int, listener: Listener) -> None:
        def work() -> dict[str, object] | None:
            with self.house.database.transaction() as session:
                dealt = service.find(session, round_id, player_id)
                if dealt is None or dealt.outcome is None:
                    return None  # its end is being written, and said when it is
                standing = players.standing(session, player_id)
                return end_message(round_id, dealt.outcome, dealt.points or 0.0, standing)

        if message := await asyncio.to_thread(work):
            await listener.send(message)

    async def _wake(self, player_id: int, round_id: int, listener: Listener) -> LiveRound:
        """A player's round, running here or brought back from the database.

        Refusal `no_such_round` for one that is not theirs, `round_over` for one that has ended.
        """
        live = self.live.get(round_id)
        if live is None:
            key = (player_id, round_id)
            if key not in self.waking:
                waking = asyncio.create_task(
                    asyncio.to_thread(self._bring_back, player_id, round_id, listener)
                )
                waking.add_done_callback(lambda _: self.waking.pop(key))
                self.waking[key] = waking
            live = self.live.setdefault(round_id, await self.waking[key])
        if live.dealt.player_id != player_id:
            raise Refusal("no_such_round", "You have no such round.")
        if live.round.closed(self.around.clock.now()):
            raise Refusal("round_over", "The round is over.")
        if live.round.running:
            live.run()
        return live

    def _deal(self, player_id: int) -> Dealt | None:
        with self.house.database.transaction() as session:
            round_id = service.deal(session, player_id, self.rules)
            return None if round_id is None else service.find(session, round_id, player_id)

    def _bring_back(self, player_id: int, round_id: int, listener: Listener) -> LiveRound:
        """A round that is not over, from its log. One whose time has gone by is closed here and now."""
        now = self.around.clock.now()
        with self.house.database.transaction() as session:
            dealt = service.find(session, round_id, player_id)
            if dealt is None:
                raise Refusal("no_such_round", "You have no such round.")
            if dealt.ended_at is not None:
                raise Refusal("round_over", "The round is over.")
            played = new_round(dealt)
            # When they came was known to a server that is gone. Now is later, and so earns nobody points.
            played.keep(ingest.stored(session, round_id), now)
            late = played.begun is not None and now >= played.deadline
            if late:
                service.end(session, round_id, Outcome.TIMEOUT, ended_at=as_time(played.deadline))
        if late:
            raise Refusal("round_over", "The round is over.")
        file = photograph_path(self.house.home.photographs, dealt.sha256)
        return LiveRound(dealt, played, file, self.around, listener, woken=now)

    async def _sweep(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._close_overdue)
            except DBAPIError:
                log.exception("sweep_failed")
            now = self.around.clock.now()
            for round_id, live in list(self.live.items()):
                asleep = live.round.begun is None and now > live.woken + ASLEEP
                if asleep or live.round.closed(now):
                    del self.live[round_id]
            await asyncio.sleep(SWEEP)

    def _close_overdue(self) -> None:
        with self.house.database.transaction() as session:
            closed = service.overdue(session, as_time(self.around.clock.now()), GRACE)
        if closed:
            log.info("rounds_closed", rounds=closed)
