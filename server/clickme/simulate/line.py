"""A player's way to the server, opened again whenever it is lost, as the page's is (web/static/socket.js)."""

import asyncio
import random
from contextlib import suppress
from typing import Final, Protocol

from websockets.exceptions import InvalidHandshake, InvalidStatus

from clickme.simulate.wire import Wire, dial

FIRST_WAIT_S: Final = 0.25
LONGEST_WAIT_S: Final = 8.0
SILENCE_S: Final = 8.0  # the server answers every message: after that long without a word it is gone
LOOK_S: Final = 4.0  # between two looks for a silence


class Player(Protocol):
    """Who is on the line."""

    def opened(self) -> None: ...

    def heard(self, message: bytes) -> None: ...

    def lost(self) -> None:
        """What was under way may have arrived, or not."""
        ...

    def failed(self, code: str) -> None:
        """The server closed the connection, refused it or did not answer."""
        ...


def wait_before(attempt: int, chance: float) -> float:
    """How long to wait before the next try, s: `attempt` is 0 for the first, `chance` in [0, 1).

    Twice as long each time, up to eight seconds, and never the same for everybody.
    """
    return float(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt) * (0.5 + chance / 2))


class Line:
    """The connection there is, if there is one."""

    def __init__(self, url: str, cookie: str, player: Player, chance: random.Random) -> None:
        self._url, self._cookie, self._player, self._chance = url, cookie, player, chance
        self._wire: Wire | None = None
        self._gone = asyncio.Event()
        self._attempt = 0
        self._asked: float | None = None  # since when an answer is waited for, s

    @property
    def is_open(self) -> bool:
        return self._wire is not None and self._wire.is_open

    def send(self, message: bytes) -> bool:
        """Whether it went out; that it arrived, only an answer can say."""
        if self._wire is None or not self._wire.is_open:
            return False
        self._wire.send(message)
        if self._asked is None:
            self._asked = asyncio.get_running_loop().time()
        return True

    def cut(self) -> None:
        """Lose the connection; another try follows by itself."""
        if self._wire is not None:
            self._wire.cut()

    async def keep_open(self) -> None:
        """Open it, and again whenever it is lost, until this is cancelled."""
        try:
            while True:
                await self._once()
                await asyncio.sleep(wait_before(self._attempt, self._chance.random()))
                self._attempt += 1
        finally:
            if self._wire is not None:
                self._wire.close()

    async def _once(self) -> None:
        self._gone.clear()
        self._asked = None
        try:
            self._wire = await dial(self._url, self._cookie, self._heard, self._lost)
        except InvalidStatus as refused:
            self._player.failed(f"socket_refused_{refused.response.status_code}")
        except (OSError, InvalidHandshake):
            self._player.failed("no_answer")
        else:
            self._player.opened()
            await self._until_gone()
            self._wire = None
            self._player.lost()

    async def _until_gone(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._gone.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._gone.wait()
            if self._asked is not None and loop.time() > self._asked + SILENCE_S:
                self._player.failed("silence")
                self.cut()
                await self._gone.wait()

    def _heard(self, message: bytes) -> None:
        self._asked = None
        self._attempt = 0  # not as soon as it opens: a server in trouble may open and close at once
        self._player.heard(message)

    def _lost(self, code: int | None) -> None:
        if code is not None:
            self._player.failed(f"socket_closed_{code}")
        self._gone.set()
