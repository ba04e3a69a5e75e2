"""What lies between players and servers, and does what networks do: delays, cuts, resets, silence."""

import asyncio
import random
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

PIECE: Final = 65536  # bytes
AT_ONCE: Final = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset


class Line:
    """Passes bytes on to the servers at `ports`, connections in turn; who does not answer is passed over.

    How it does so may be changed while they flow.
    """

    def __init__(self, ports: Sequence[int], chance: random.Random) -> None:
        self.ports = ports
        self.chance = chance
        self.delay_s = (0.0, 0.0)  # the least and the most, for each piece; their order stays
        self.tears = 0.0  # the share of pieces that break off in their middle, and the connection with them
        self.is_cut = False
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.ends: set[asyncio.StreamWriter] = set()
        self.carrying: set[asyncio.Task[None]] = set()
        self.turn = 0

    async def __aenter__(self) -> Self:
        self.server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.close()
        self.cut()
        self.flowing.set()
        await asyncio.gather(*self.carrying, return_exceptions=True)
        await self.server.wait_closed()

    def cut(self) -> None:
        """What is open is reset, and nothing new gets through until the line is mended."""
        self.is_cut = True
        for end in self.ends:
            reset(end)

    def hold(self) -> None:
        """Silence: bytes wait on their way, and nobody is told. They arrive when the line is mended."""
        self.flowing.clear()

    def mend(self) -> None:
        self.is_cut = False
        self.flowing.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        carrying = asyncio.current_task()
        assert carrying is not None
        self.carrying.add(carrying)
        self.ends.add(writer)
        try:
            if not self.is_cut:
                far_reader, far_writer = await self._reach()
                self.ends.add(far_writer)
                try:
                    await self._carry(reader, far_writer, far_reader, writer)
                finally:
                    await self._hang_up(far_writer)
        except OSError:
            pass  # nobody answers there: the caller hears that nobody does
        finally:
            await self._hang_up(writer)
            self.carrying.discard(carrying)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for _ in self.ports:
            port = self.ports[self.turn % len(self.ports)]
            self.turn += 1
            with suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", port)
        raise ConnectionRefusedError

    async def _carry(
        self,
        near: asyncio.StreamReader,
        to_far: asyncio.StreamWriter,
        far: asyncio.StreamReader,
        to_near: asyncio.StreamWriter,
    ) -> None:
        """Both ways, until one of them ends."""
        ways = [
            asyncio.create_task(self._pass_on(near, to_far)),
            asyncio.create_task(self._pass_on(far, to_near)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            torn = await asyncio.gather(*ways, return_exceptions=True)
            if any(isinstance(error, Torn) for error in torn):
                reset(to_far)
                reset(to_near)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(PIECE):
            await asyncio.sleep(self.chance.uniform(*self.delay_s))
            await self.flowing.wait()
            torn = self.chance.random() < self.tears
            writer.write(piece[: self.chance.randrange(len(piece))] if torn else piece)
            await writer.drain()
            if torn:
                raise Torn

    async def _hang_up(self, writer: asyncio.StreamWriter) -> None:
        self.ends.discard(writer)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


class Torn(ConnectionError):
    """A piece broke off in its middle."""


def reset(end: asyncio.StreamWriter) -> None:
    """Break a connection off without a goodbye."""
    connection: socket.socket | None = end.get_extra_info("socket")
    if connection is not None and connection.fileno() != -1:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    end.transport.abort()
