"""A player's browser in code: what web/static/{game,log,painting,socket}.js do, with less patience.

It paints a bubble a tick whatever the line does, keeps what is not acknowledged, comes back when it is cut
off, and goes on from where the server stands. All it painted and heard is kept for the reckoning.
"""

import asyncio
import json
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Origin

from clickme.game.rules import Bubble, Rules

Message = dict[str, Any]

TICKS_A_BATCH: Final = 2
FIRST_WAIT_S: Final = 0.1  # before it comes back (the page: 0.25)
LONGEST_WAIT_S: Final = 1.0  # (the page: 8)
SILENCE_S: Final = 4.0  # after which a connection counts as lost (the page: 8)
AGAIN_S: Final = 0.5  # before what was not stored is sent again (the page: 1)
OVERDUE_S: Final = 2.0  # before the end is asked for (the page: 3)
PARTS: Final = 0.1  # the share of rounds that a player does not care to finish
PARTINGS: Final = ({"t": "skip"}, {"t": "flag", "reason": "quality"})


@dataclass(frozen=True)
class Habits:
    """In what a browser is unlike the others."""

    copies: int = 1  # each frame goes out so often
    shuffled: int = 1  # frames of bubbles go out so many at a time, in any order
    repeats: bool = False  # now and then it says something once more that it has said long ago
    jumps_ms: tuple[int, ...] = ()  # its clock jumps so far, and back; it gives up refused bubbles


LIKE_OTHERS: Final = Habits()


@dataclass
class Painted:
    """A round as its player knows it. One that is dealt again is painted anew, under the same number."""

    id: int
    rules: Rules
    anew: bool  # it was given up before: what was sent of it then may still arrive
    bubbles: list[Bubble] = field(default_factory=list)
    sent: int = 0  # over the connection there is now
    acknowledged: int = 0
    begun: bool = False  # the server has said so
    ends: list[Message] = field(default_factory=list)

    def acknowledge(self, n: int) -> None:
        """The server says that it has the first `n`."""
        self.acknowledged = max(self.acknowledged, n)
        self.sent = max(self.sent, n)


class Player:
    """One player with one window, at `url`."""

    def __init__(self, url: str, cookie: str, chance: random.Random, habits: Habits) -> None:
        self.url = url
        self.cookie = cookie
        self.chance = chance
        self.habits = habits
        self.paintings: list[Painted] = []
        self.refusals: Counter[str] = Counter()
        self.connections = 0
        self.leaving = False  # no new rounds from now on
        self.finished = False
        self.ousted = False  # by a window that it does not have
        self.current: Painted | None = None
        self.flows = False  # bubbles may be sent: both sides agree on how many there are
        self.window: list[Message] = []  # of bubbles that have not gone out yet
        self.said: list[Message] = []  # frames of bubbles
        self.parting: Message | None = None  # "skip" or "flag", not yet answered
        self.socket: ClientConnection | None = None
        self.painting: asyncio.Task[None] | None = None
        self.again: asyncio.Task[None] | None = None  # soon

    @property
    def acknowledged(self) -> int:
        """Bubbles, over all rounds."""
        return sum(painted.acknowledged for painted in self.paintings)

    @property
    def done(self) -> bool:
        return self.finished or (self.leaving and self.current is None)

    async def play(self) -> None:
        """Round after round, until it shall leave or has had every photograph; the last one to its end."""
        attempt = 0
        try:
            while not self.done:
                with suppress(OSError, WebSocketException):  # TimeoutError is one of the former
                    async with self._dial() as self.socket:
                        self.connections += 1
                        await self._opened()
                        while not self.done:
                            text = await asyncio.wait_for(self.socket.recv(), SILENCE_S)
                            attempt = 0
                            await self._heard(json.loads(text))
                self.socket, self.flows = None, False
                if not self.done:
                    await asyncio.sleep(wait_before(attempt, self.chance))
                    attempt += 1
        finally:
            self._put_down()
            if self.again is not None:
                self.again.cancel()

    def _dial(self) -> connect:
        return connect(
            self.url.replace("http", "ws", 1) + "/ws/play",
            origin=Origin(self.url),
            additional_headers={"Cookie": self.cookie},
            open_timeout=SILENCE_S,
            close_timeout=0.5,
            ping_interval=None,
            compression=None,
            proxy=None,
        )

    # ---- what it hears ----

    async def _opened(self) -> None:
        await (self._resume() if self.current else self._say(t="next"))
        if self.parting:
            await self._say(**self.parting)

    async def _heard(self, message: Message) -> None:
        match message:
            case {"t": "round"}:
                self._dealt(message)
            case {"t": "begun", "round": round_id}:
                self._latest(round_id).begun = True
            case {"t": "ack", "round": round_id, "n": n}:
                self._latest(round_id).acknowledge(n)
            case {"t": "resumed", "round": round_id, "n": n}:
                await self._resumed(round_id, n)
            case {"t": "end", "round": round_id}:
                self._latest(round_id).ends.append(message)
                if self.current and self.current.id == round_id:
                    await self._deal_again()
            case {"t": "error", "code": code, "round": round_id}:
                self.refusals[code] += 1
                await self._refused(code, round_id)

    def _dealt(self, message: Message) -> None:
        if self.current is None and not self.leaving:
            anew = message["round"] in {painted.id for painted in self.paintings}
            self.current = Painted(message["round"], Rules(**message["rules"]), anew)
            self.said = [frame for frame in self.said if frame["round"] != self.current.id]  # painted anew
            self.paintings.append(self.current)
            self.painting = asyncio.create_task(self._paint(self.current))

    async def _resumed(self, round_id: int, n: int) -> None:
        painted = self._latest(round_id)
        painted.begun = True
        painted.acknowledge(n)
        if self.habits.jumps_ms:
            del painted.bubbles[n:]  # they are refused however often they are sent
        painted.sent = n
        self.window.clear()
        if painted is self.current:
            self.flows = True
            await self._flush()

    async def _refused(self, code: str, round_id: int | None) -> None:
        ours = round_id is None or (self.current is not None and self.current.id == round_id)
        match code:
            case "gap":
                if self.flows and ours:
                    await self._resume()
            case "not_stored" | "too_many_frames":
                if ours:
                    self._again()
            case "not_begun" | "no_such_round":
                if ours and self.current:
                    await self._deal_again()
            case "round_over":  # the end has come, or is on its way
                self.parting = None
            case "no_photographs":
                self.finished = True
            case "taken_over":
                self.finished = self.ousted = self.ousted or ours
            case _ if ours and self.current and not self.current.begun:
                await self._deal_again()
            case _ if ours:
                self._again()

    def _latest(self, round_id: int) -> Painted:
        return next(painted for painted in reversed(self.paintings) if painted.id == round_id)

    # ---- what it does ----

    async def _paint(self, painted: Painted) -> None:
        """One round: press, paint until it is over or too dull, then ask for the end until it comes."""
        now = asyncio.get_running_loop().time
        rules, hand = painted.rules, Hand(self.chance)
        jumps = Jumps(self.habits.jumps_ms, self.chance)
        parts = self.chance.random() < PARTS
        ticks = self.chance.randint(4, 120) if parts else rules.most_bubbles
        await asyncio.sleep(self.chance.uniform(0.05, 0.3))
        self.flows = True
        await self._say(t="begin", round=painted.id, pointer="mouse")
        began = now()
        for tick in range(ticks):
            await asyncio.sleep(began + tick * rules.tick_ms / 1000 - now())
            x, y = hand.next(painted.bubbles, tick)
            painted.bubbles.append(Bubble(x, y, max(0, tick * rules.tick_ms + jumps.at(tick))))
            if tick % TICKS_A_BATCH:
                await self._flush()
        if parts:
            self.parting = self.chance.choice(PARTINGS) | {"round": painted.id}
            await self._say(**self.parting)
        else:
            await asyncio.sleep(began + rules.limit_ms / 1000 - now())
        await self._flush(all_of_it=True)
        while self.current is painted:
            await asyncio.sleep(OVERDUE_S)
            await self._resume()

    async def _flush(self, *, all_of_it: bool = False) -> None:
        painted = self.current
        if painted is None or not self.flows:
            return
        if painted.sent < len(painted.bubbles):
            n, painted.sent = painted.sent, len(painted.bubbles)
            xyt = [part for bubble in painted.bubbles[n:] for part in bubble]
            self.window.append({"t": "bubbles", "round": painted.id, "n": n, "xyt": xyt})
        if len(self.window) >= self.habits.shuffled or all_of_it:
            window, self.window = self.window, []
            if self.habits.shuffled > 1:
                self.chance.shuffle(window)
            for frame in window:
                await self._say(**frame)

    async def _resume(self) -> None:
        """Not if the server may know an earlier painting of the round, but not this one."""
        self.flows = False
        if self.current is not None and self.current.anew and not self.current.begun:
            await self._deal_again()
        elif self.current is not None:
            await self._say(t="resume", round=self.current.id)

    async def _deal_again(self) -> None:
        """The next photograph; or this one, if the server knows of no beginning."""
        self._put_down()
        await self._say(t="next")

    def _put_down(self) -> None:
        painting, self.painting = self.painting, None
        self.current = self.parting = None
        if painting is not None and painting is not asyncio.current_task() and not painting.cancel():
            painting.result()  # it ends by itself only when something is wrong with it
        self.flows = False
        self.window.clear()

    def _again(self) -> None:
        """Once more in a moment: with what the server has not stored, or for a photograph."""
        self.flows = False
        if self.again is None or self.again.done():
            self.again = asyncio.create_task(self._ask_again())

    async def _ask_again(self) -> None:
        await asyncio.sleep(AGAIN_S)
        await (self._resume() if self.current else self._say(t="next"))

    async def _say(self, **frame: Any) -> None:
        """What is said while nobody listens is lost, as in a browser."""
        if self.socket is None:
            return
        frames = [frame] * self.habits.copies
        if self.habits.repeats and self.said:
            frames.append(self.chance.choice(self.said))
        if frame["t"] == "bubbles":
            self.said.append(frame)
        with suppress(ConnectionClosed):
            for each in frames:
                await self.socket.send(json.dumps(each))


class Hand:
    """Rests where it has begun until some tick of its own, then goes to and fro over the photograph."""

    def __init__(self, chance: random.Random) -> None:
        self.start = chance.randint(60, 190), chance.randint(40, 180)
        self.rest = chance.randint(0, 120)  # ticks
        self.step = chance.choice((-7, 7))  # px

    def next(self, painted: list[Bubble], tick: int) -> tuple[int, int]:
        if not painted:
            return self.start
        x, y, _ = painted[-1]
        if tick < self.rest:
            return x, y
        if 40 <= x + self.step <= 216:
            return x + self.step, y
        self.step = -self.step
        return x, min(y + 7, 255)


class Jumps:
    """By how much a clock is wrong at a tick: for ten ticks in fifty, by one of `by_ms` in turn."""

    def __init__(self, by_ms: tuple[int, ...], chance: random.Random) -> None:
        self.by_ms = chance.sample(by_ms, len(by_ms))

    def at(self, tick: int) -> int:
        turn, within = divmod(tick, 50)
        return self.by_ms[turn % len(self.by_ms)] if self.by_ms and 25 <= within < 35 else 0


def wait_before(attempt: int, chance: random.Random) -> float:
    """As web/static/socket.js: twice as long each time, s, and never the same for everybody."""
    return float(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt) * chance.uniform(0.5, 1.0))
