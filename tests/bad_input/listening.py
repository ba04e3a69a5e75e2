"""Players who share a real server: one who plays by the rules, others who send whatever there is."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection

from bad_input.frames import Frames

BURST = 50  # frames that are sent before the server has to have answered them
NOBODYS = range(2**62, 2**62 + 1_000_000)  # rounds that nobody has
PACE = 0.1  # s, between two frames of the page
MOST_BUBBLES = 140


class Listening:
    """A connection with somebody who listens all the time, and others who wait for what is heard."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.news = asyncio.Condition()
        self.is_leaving = False

    async def listen(self) -> None:
        """Until they leave. That the server leaves first is a failure."""
        async for text in self.connection:
            self.hear(json.loads(text))
            async with self.news:
                self.news.notify_all()
        assert self.is_leaving, f"the server closed the socket: {self.connection.close_code}"

    def hear(self, message: dict[str, Any]) -> None:
        raise NotImplementedError

    async def until(self, condition: Callable[[], bool]) -> None:
        async with self.news:
            await self.news.wait_for(condition)

    async def say(self, **frame: Any) -> None:
        await self.connection.send(json.dumps(frame))

    async def leave(self) -> None:
        self.is_leaving = True
        await self.connection.close()


class Rowdy(Listening):
    """Sends what `frames` makes."""

    def __init__(self, connection: ClientConnection, frames: Frames) -> None:
        super().__init__(connection)
        self.frames = frames
        self.heard: Counter[str] = Counter()  # by type, errors by code
        self.echoed = NOBODYS.start

    def hear(self, message: dict[str, Any]) -> None:
        self.heard[message["code"] if message["t"] == "error" else message["t"]] += 1
        if (message.get("round") or 0) in NOBODYS:  # `in` would look for None at every place of a range
            self.echoed = max(self.echoed, message["round"])
        else:
            self.frames.hear(message)

    async def send(self, count: int) -> None:
        """So many frames; all are done with when this returns."""
        for mark in range(self.echoed + 1, self.echoed + 1 + count // BURST):
            for _ in range(BURST - 1):
                await self.connection.send(self.frames.one())
            await self.say(t="resume", round=mark)
            await self.until(lambda mark=mark: self.echoed >= mark)  # type: ignore[misc]


class Honest(Listening):
    """Plays as the page does, and keeps what it was told."""

    def __init__(self, connection: ClientConnection) -> None:
        super().__init__(connection)
        self.dealt: int | None = None
        self.begun: set[int] = set()
        self.kept: Counter[int] = Counter()  # bubbles acknowledged, by round
        self.ends: Counter[int] = Counter()
        self.errors: list[dict[str, Any]] = []

    def hear(self, message: dict[str, Any]) -> None:
        match message:
            case {"t": "round", "round": round_id}:
                self.dealt = round_id
            case {"t": "begun", "round": round_id}:
                self.begun.add(round_id)
            case {"t": "ack", "round": round_id, "n": n}:
                self.kept[round_id] = n
            case {"t": "end", "round": round_id}:
                self.ends[round_id] += 1
            case {"t": "error"}:
                self.errors.append(message)

    async def play(self, is_over: asyncio.Event) -> None:
        """Whole rounds, one after another."""
        while not is_over.is_set():
            await self.paint()

    async def paint(self) -> None:
        self.dealt = None
        await self.say(t="next")
        await self.until(lambda: self.dealt is not None)
        round_id = self.dealt
        assert round_id is not None
        await self.say(t="begin", round=round_id, pointer="mouse")
        await self.until(lambda: round_id in self.begun)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for n in range(0, MOST_BUBBLES, 2):
            await asyncio.sleep(begun + n // 2 * PACE - loop.time())  # a brush takes its time
            await self.say(t="bubbles", round=round_id, n=n, xyt=stroke(n, 2))
        await self.until(lambda: self.ends[round_id] > 0 and self.kept[round_id] == MOST_BUBBLES)


def stroke(first: int, count: int) -> list[int]:
    """Bubbles to and fro over a pixel: nothing that anybody could recognise."""
    return [part for i in range(first, first + count) for part in (100 + i % 2, 100, 50 * i)]
