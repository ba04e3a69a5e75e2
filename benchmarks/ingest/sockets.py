"""Through the socket: a real server in a process of its own, and players who send as soon as they hear."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final

import httpx2

from clickme.kit.house import House
from clickme.simulate.player import sign_up
from clickme.simulate.rehearsal import Stroke, frame
from clickme.simulate.wire import Wire, dial

from ..load.programs import ENDS_S, LIMITS, ROOT, free_port
from .rows import STROKES, stroke

TO_THE_END_S: Final = 6.9  # of all rounds, almost
OVER_S: Final = 10.0
SIGNING_UP: Final = 8  # at once


@dataclass(frozen=True)
class Game:
    """A server whose clock stands still."""

    url: str
    process: "subprocess.Popen[str]"

    def move(self, seconds: float) -> None:
        """Move its clock on."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        self.hear()

    def hear(self) -> None:
        assert self.process.stdout is not None
        if not self.process.stdout.readline():
            raise SystemExit(f"The server ended with {self.process.wait()}.")


@contextmanager
def game(house: House) -> Iterator[Game]:
    """The server, in a house that is open already."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.ingest.server", str(port)],
        cwd=ROOT,
        env=os.environ
        | LIMITS
        | {
            "CLICKME_HOME": str(house.home.root),
            "CLICKME_LIMIT_FRAMES": "100000",  # within a second of a clock that stands
            "OMP_NUM_THREADS": "1",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C comes to it once, from here
    )
    started = Game(f"http://127.0.0.1:{port}", process)
    try:
        started.hear()
        yield started
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=ENDS_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


class Painter:
    """A player who sends the next frame when the last one is acknowledged."""

    def __init__(self, spoken: Stroke, size: int) -> None:
        self.spoken, self.size = spoken, size
        self.round = 0
        self.wire: Wire | None = None
        self.said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def come(self, url: str, cookie: str) -> None:
        self.wire = await dial(url, cookie, self._hear, self._lose)

    async def begin(self) -> None:
        """A new round, as far as its beginning."""
        self._send(b'{"t":"next"}')
        self.round = (await self.hear("round"))["round"]
        self._send(b'{"t":"begin","round":%d,"pointer":"mouse"}' % self.round)
        await self.hear("begun")

    async def paint(self) -> None:
        """All of the round, until it is stored."""
        self._send(frame(self.round, self.spoken, 0, self.size))
        await self.stored

    async def hear(self, kind: str) -> dict[str, Any]:
        """The next message of this kind."""
        while (said := await self.said.get())["t"] != kind:
            pass
        return said

    def leave(self) -> None:
        assert self.wire is not None
        self.wire.cut()

    def _send(self, message: bytes) -> None:
        assert self.wire is not None
        self.wire.send(message)

    def _hear(self, message: bytes) -> None:
        said = json.loads(message)
        if said["t"] == "error":
            raise SystemExit(f"The server says: {said['message']}")
        if said["t"] != "ack":
            self.said.put_nowait(said)
        elif said["n"] < len(self.spoken):
            self._send(frame(self.round, self.spoken, said["n"], said["n"] + self.size))
        else:
            self.stored.set_result(None)

    def _lose(self, code: int | None) -> None:
        if not self.stored.done():
            raise SystemExit(f"The server closed a socket: {code}.")


async def round_of(game: Game, cookies: list[str], size: int) -> float:
    """How long a round of all these players took from the first frame to the last ack, s."""
    painters = [Painter(spoken(number), size) for number in range(len(cookies))]
    for painter, cookie in zip(painters, cookies, strict=True):
        await painter.come(game.url, cookie)
    await asyncio.gather(*(painter.begin() for painter in painters))
    await asyncio.to_thread(game.move, TO_THE_END_S)
    began = time.perf_counter()
    await asyncio.gather(*(painter.paint() for painter in painters))
    took = time.perf_counter() - began
    await asyncio.to_thread(game.move, OVER_S)
    await asyncio.gather(*(painter.hear("end") for painter in painters))
    for painter in painters:
        painter.leave()
    return took


def spoken(number: int) -> Stroke:
    """A round's bubbles, as frames say them."""
    return tuple(b"%d,%d,%d" % bubble for bubble in stroke(number % STROKES))


async def come_in(url: str, players: int) -> list[str]:
    """The cookies of so many new players."""
    numbers = iter(range(players))
    cookies: list[str] = []
    none = CookieJar(DefaultCookiePolicy(allowed_domains=[]))

    async def some(client: httpx2.AsyncClient) -> None:
        cookies.extend([await sign_up(client) for _ in numbers])

    async with httpx2.AsyncClient(base_url=url, timeout=60, cookies=none) as client:
        await asyncio.gather(*(some(client) for _ in range(SIGNING_UP)))
    return cookies
