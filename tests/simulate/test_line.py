"""The line to a server: opened again whenever it is lost, and told of by those who sit at it."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import InvalidStatus

from clickme.simulate.line import FIRST_WAIT_S, LONGEST_WAIT_S, Line, wait_before
from clickme.simulate.wire import dial


class Sitter:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[object] = asyncio.Queue()

    def opened(self) -> None:
        self.told.put_nowait("opened")

    def heard(self, message: bytes) -> None:
        self.told.put_nowait(message)

    def lost(self) -> None:
        self.told.put_nowait("lost")

    def failed(self, code: str) -> None:
        self.told.put_nowait(code)

    async def hear(self, count: int) -> list[object]:
        return [await self.told.get() for _ in range(count)]


def with_server(
    handle: Callable[[ServerConnection], Awaitable[None]], use: Callable[[str], Awaitable[None]]
) -> None:
    """Do something with the address of a server that treats each connection so."""

    async def run() -> None:
        async with serve(handle, "127.0.0.1", 0) as server:
            (socket,) = server.sockets
            await use(f"http://127.0.0.1:{socket.getsockname()[1]}")

    asyncio.run(run())


@given(st.integers(0, 30), st.floats(0, 1, exclude_max=True))
def test_each_try_waits_longer_and_nobody_waits_as_another(attempt: int, chance: float) -> None:
    wait = wait_before(attempt, chance)
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt)
    assert longest / 2 <= wait <= longest


def test_a_line_says_what_it_hears_and_opens_again_when_it_is_lost() -> None:
    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async def use(url: str) -> None:
        sitter = Sitter()
        line = Line(url, "cookie=1", sitter, random.Random(0))
        keeping = asyncio.create_task(line.keep_open())
        assert not line.send(b"too early")
        assert await sitter.hear(1) == ["opened"]
        assert line.send(b"hello")
        assert await sitter.hear(1) == [b"hello"]
        line.cut()
        assert await sitter.hear(2) == ["lost", "opened"]
        for length in (0, 125, 126, 2**16 - 1):
            assert line.send(b"a" * length)
            assert await sitter.hear(1) == [b"a" * length]
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        assert not line.is_open
        assert sitter.told.empty()

    with_server(echo, use)


def test_a_server_that_closes_a_socket_is_heard_of_by_its_code() -> None:
    async def close(connection: ServerConnection) -> None:
        await connection.close(1012)

    async def use(url: str) -> None:
        sitter = Sitter()
        keeping = asyncio.create_task(Line(url, "", sitter, random.Random(0)).keep_open())
        assert await sitter.hear(4) == ["opened", "socket_closed_1012", "lost", "opened"]
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)

    with_server(close, use)


def test_a_refused_handshake_has_a_code_too() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def run() -> None:
        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            sitter = Sitter()
            keeping = asyncio.create_task(Line(url, "", sitter, random.Random(0)).keep_open())
            assert await sitter.hear(2) == ["socket_refused_503"] * 2
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            with pytest.raises(InvalidStatus):
                await dial(url, "", lambda message: None, lambda code: None)

    asyncio.run(run())


def test_nobody_there_is_no_answer() -> None:
    async def run() -> None:
        sitter = Sitter()
        keeping = asyncio.create_task(Line("http://127.0.0.1:1", "", sitter, random.Random(0)).keep_open())
        assert await sitter.hear(2) == ["no_answer"] * 2
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)

    asyncio.run(run())
