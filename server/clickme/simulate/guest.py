"""One of a crowd: a player made of code who does what the page does (web/static/game.js), but leanly.

What comes many times a second, frames and acks, is done by callbacks; tasks are for what comes once a round.
"""

import asyncio
import json
import math
import random
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from clickme.game.rules import Rules
from clickme.simulate.fetch import fetch
from clickme.simulate.line import Line, wait_before
from clickme.simulate.player import TICKS_A_BATCH
from clickme.simulate.rehearsal import Stroke, frame
from clickme.simulate.tally import Painting

if TYPE_CHECKING:
    from clickme.simulate.crowd import Crowd

THINK_S: Final = 2.0  # between an outcome and the next press: the median,
THINK_SPREAD: Final = 0.5  # and the standard deviation of its logarithm
OVERDUE_S: Final = 3.0  # the end is asked for, if it has not come that long after the brush came to rest
AGAIN_S: Final = 1.0  # before asking once more for what the server could not do
LAST_ACKS_S: Final = 3.0  # for the answers to what was on its way when a round ended

NEXT: Final = b'{"t":"next"}'


@dataclass(frozen=True)
class Ready:
    """A photograph that was dealt and looked at, and how it will be painted."""

    round: int
    rules: Rules
    stroke: Stroke


class Guest:
    """`number` counts the players of a crowd; the same one thinks and paints alike each time."""

    def __init__(self, crowd: "Crowd", number: int, cookie: str) -> None:
        self.crowd = crowd
        self.tally = crowd.tally
        self.cookie = cookie
        self.chance = random.Random(f"{crowd.plan.seed} {number}")  # noqa: S311 - thoughts are no secret
        self.loses = self.chance.random() < crowd.plan.drop
        self.line = Line(crowd.plan.url, cookie, self, self.chance)
        self.loop = asyncio.get_running_loop()
        self.painting: Painting | None = None
        self.flows = False  # bubbles may be sent: the server and this player agree on how many there are
        self.dealt: asyncio.Future[dict[str, Any] | None] | None = None
        self.timer: asyncio.TimerHandle | None = None

    async def play(self) -> None:
        """Rounds, one after another, until the crowd's time is up or there is no photograph left."""
        beside = [asyncio.create_task(self.line.keep_open())]
        if self.loses:
            beside.append(asyncio.create_task(self._lose_connections()))
        try:
            await self._play()
        finally:
            self._rest()
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _play(self) -> None:
        upcoming = asyncio.create_task(self._prepare())
        try:
            while (ready := await upcoming) is not None:
                await asyncio.sleep(self.chance.lognormvariate(math.log(THINK_S), THINK_SPREAD))
                if self.crowd.leaving:
                    return
                painting = self._press(ready)
                await painting.begun.wait()
                upcoming = asyncio.create_task(self._prepare())  # while the round runs, as the page does
                await painting.over.wait()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LAST_ACKS_S):
                        await painting.answered.wait()
                if self.crowd.leaving:
                    return
            self.tally.finished += 1
        finally:
            upcoming.cancel()

    # A photograph

    async def _prepare(self) -> Ready | None:
        """The next photograph; None when there is none left."""
        self.dealt = self.loop.create_future()
        self._ask()
        message = await self.dealt
        if message is None:
            return None
        rules = Rules(**message["rules"])
        jpeg = await self._fetch(message["image"])
        return Ready(message["round"], rules, await self.crowd.rehearsal.stroke(rules, jpeg, self.chance))

    async def _fetch(self, address: str) -> bytes:
        """A photograph, asked for until it comes."""
        attempt = 0
        while True:
            try:
                status, content = await fetch(self.crowd.plan.url, address, self.cookie)
                if status == HTTPStatus.OK:
                    return content
                self.failed(f"photograph_{status}")
            except OSError:
                self.failed("no_answer")
            await asyncio.sleep(wait_before(attempt, self.chance.random()))
            attempt += 1

    # The brush

    def _press(self, ready: Ready) -> Painting:
        now = self.loop.time()
        painting = Painting(ready.round, self.cookie, ready.rules, ready.stroke, began=now)
        self.painting = painting
        self.tally.press(painting)
        self.flows = self.line.send(b'{"t":"begin","round":%d,"pointer":"mouse"}' % ready.round)
        tick_s = ready.rules.tick_ms / 1000
        self._wait(now + (TICKS_A_BATCH - 1) * tick_s, TICKS_A_BATCH * tick_s, painting)
        return painting

    def _wait(self, due: float, pause: float, painting: Painting) -> None:
        self.timer = self.loop.call_at(due, self._paint, due, pause, painting)

    def _paint(self, due: float, pause: float, painting: Painting) -> None:
        """The next bubbles, and a frame of them; late ones follow each other at once."""
        self.tally.take(self.tally.late, self.loop.time() - due)
        painting.painted = min(painting.painted + TICKS_A_BATCH, painting.rules.most_bubbles)
        self._send(painting)
        if painting.painted < painting.rules.most_bubbles:
            self._wait(due + pause, pause, painting)
        else:
            self.timer = self.loop.call_later(OVERDUE_S, self._ask_for_the_end, painting)

    def _send(self, painting: Painting) -> None:
        if not self.flows or painting.sent == painting.painted:
            return
        if self.line.send(frame(painting.round, painting.stroke, painting.sent, painting.painted)):
            now = self.loop.time()
            painting.sent = painting.painted
            painting.handed = max(painting.handed, painting.sent)
            painting.under_way.append((painting.sent, now))
            painting.went.append(now)

    def _ask_for_the_end(self, painting: Painting) -> None:
        self._resume(painting)
        self.timer = self.loop.call_later(OVERDUE_S, self._ask_for_the_end, painting)

    def _rest(self) -> None:
        if self.timer is not None:
            self.timer.cancel()

    # The line

    def opened(self) -> None:
        if self.painting is not None and not self.painting.over.is_set():
            self._resume(self.painting)
        self._ask()

    def lost(self) -> None:
        self.flows = False
        self.tally.reconnects += 1
        if self.painting is not None:
            self.painting.lose()

    def failed(self, code: str) -> None:
        self.tally.errors[code] += 1

    async def _lose_connections(self) -> None:
        while True:
            await asyncio.sleep(self.chance.expovariate(1 / self.crowd.plan.between_losses_s))
            self.line.cut()

    def _resume(self, painting: Painting) -> None:
        if painting is not self.painting or painting.over.is_set():
            return
        self.flows = False
        self.line.send(b'{"t":"resume","round":%d}' % painting.round)

    # What the server says

    def heard(self, message: bytes) -> None:
        said: dict[str, Any] = json.loads(message)
        kind, painting = said["t"], self.painting
        if kind == "round":
            self._deal(said)
        elif kind == "error":
            self._refused(said)
        elif painting is not None and said.get("round") == painting.round:
            if kind == "ack":
                self._acknowledged(painting, said["n"])
            elif kind == "begun":
                painting.begun.set()
            elif kind == "resumed":
                self._resumed(painting, said["n"])
            elif kind == "end":
                self._ended(painting, said)

    def _acknowledged(self, painting: Painting, stored: int) -> None:
        now = self.loop.time()
        painting.acknowledged = max(painting.acknowledged, stored)
        while painting.under_way and painting.under_way[0][0] <= stored:
            self.tally.take(self.tally.acks, now - painting.under_way.popleft()[1])
        self._answered(painting)

    def _resumed(self, painting: Painting, stored: int) -> None:
        painting.begun.set()
        if stored < painting.acknowledged:
            self.failed("resumed_behind")  # what was acknowledged is gone
        painting.acknowledged = max(painting.acknowledged, stored)
        painting.lose()
        painting.sent = painting.acknowledged
        if painting.over.is_set():
            self._answered(painting)
            return
        self.flows = True
        self._send(painting)

    def _ended(self, painting: Painting, said: dict[str, Any]) -> None:
        if painting.over.is_set():
            return
        self._rest()
        painting.begun.set()
        painting.outcome, painting.points = said["outcome"], said["points"]
        if painting.outcome == "recognised" and painting.went:
            # Points are the share of the time that was left, and so say when it was recognised.
            moment = painting.began + (1 - painting.points) * painting.rules.limit_ms / 1000
            self.tally.take(self.tally.verdicts, self.loop.time() - painting.nearest(moment))
        painting.went.clear()
        painting.over.set()
        self._answered(painting)

    def _answered(self, painting: Painting) -> None:
        if painting.over.is_set() and painting.acknowledged >= painting.handed:
            painting.answered.set()

    def _refused(self, said: dict[str, Any]) -> None:
        code, round_id = said["code"], said.get("round")
        if code == "no_photographs":
            self._deal(None)
            return
        if code == "too_many_sockets":
            self.crowd.refuse()
        self.failed(code)
        if round_id is None:
            self.loop.call_later(AGAIN_S, self._ask)
        painting = self.painting
        if painting is not None and not painting.over.is_set() and round_id in (None, painting.round):
            self._go_on_after(code, painting, about_it=round_id is not None)

    def _go_on_after(self, code: str, painting: Painting, *, about_it: bool) -> None:
        """Something that was said was not done, of this round or perhaps of this round."""
        if code == "round_over":  # the end has come, or is on its way
            return
        if code in ("not_begun", "no_such_round") or (about_it and not painting.begun.is_set()):
            self._give_up(painting)
        elif self.flows and code == "gap":
            self._resume(painting)
        elif self.flows:
            self.flows = False
            self.loop.call_later(AGAIN_S, self._resume, painting)

    def _give_up(self, painting: Painting) -> None:
        """The server knows of no beginning: the photograph is dealt again, as if it had not been pressed."""
        painting.given_up = True
        self._rest()
        painting.begun.set()
        painting.over.set()
        painting.answered.set()

    def _ask(self) -> None:
        """Ask for a photograph, if one is waited for."""
        if self.dealt is not None and not self.dealt.done():
            self.line.send(NEXT)

    def _deal(self, message: dict[str, Any] | None) -> None:
        if self.dealt is not None and not self.dealt.done():
            self.dealt.set_result(message)
