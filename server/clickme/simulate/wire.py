"""A WebSocket as lean as a crowd needs it: `websockets` speaks, and nothing lies between it and the kernel.

No task, no queue and no timer: what comes is heard where it arrives.
"""

import asyncio
import struct
from collections.abc import Callable
from typing import Final, cast

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.typing import Origin
from websockets.uri import parse_uri

PATIENCE_S: Final = 10.0  # for a handshake

Hear = Callable[[bytes], None]
Lose = Callable[[int | None], None]


class Wire(asyncio.Protocol):
    """One connection.

    `hear` gets each message, which comes in one frame; `lose` is called once, when an open connection ends,
    with the code (RFC 6455, section 7.4) that the server closed it with, or None if it said nothing.
    """

    def __init__(self, speech: ClientProtocol, cookie: str, hear: Hear, lose: Lose) -> None:
        self._speech, self._cookie, self._hear, self._lose = speech, cookie, hear, lose
        self._transport: asyncio.Transport | None = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_open(self) -> bool:
        return (
            self._speech.state is State.OPEN
            and self._transport is not None
            and not self._transport.is_closing()
        )

    def send(self, message: bytes) -> None:
        """Hand a text message of less than 64 KiB to the kernel; only while the connection is open."""
        assert self._transport is not None
        self._transport.write(framed(message))

    def close(self) -> None:
        """Leave in good manners."""
        if self.is_open:
            self._speech.send_close(1000)
            self._flush()
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """End it as a network does: without a word."""
        if self._transport is not None:
            self._transport.abort()

    # What the event loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        request = self._speech.connect()
        request.headers["Cookie"] = self._cookie
        self._speech.send_request(request)
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._speech.receive_data(data)
        for event in self._speech.events_received():
            if not isinstance(event, Frame):
                self._shaken_hands()
            elif event.opcode is Opcode.TEXT:
                self._hear(bytes(event.data))
        self._flush()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(error or ConnectionResetError("The server hung up."))
        elif not self.opened.cancelled() and self.opened.exception() is None:
            said = self._speech.close_rcvd
            self._lose(None if said is None else said.code)

    def _shaken_hands(self) -> None:
        if self.opened.done():  # whoever waited for it has given up
            return
        if self._speech.handshake_exc is None:
            self.opened.set_result(None)
        else:
            self.opened.set_exception(self._speech.handshake_exc)

    def _flush(self) -> None:
        if self._transport is not None and (ready := b"".join(self._speech.data_to_send())):
            self._transport.write(ready)


def framed(message: bytes) -> bytes:
    """A text message as a client frames it (RFC 6455, section 5.2).

    The masking key is zero. It guards what lies between from scripts in a browser, and here is neither: a
    random one would take longer than all the rest of a frame.
    """
    size = len(message)
    head = struct.pack("!BB", 0x81, 0x80 | size) if size < 126 else struct.pack("!BBH", 0x81, 0xFE, size)
    return head + bytes(4) + message


async def dial(url: str, cookie: str, hear: Hear, lose: Lose) -> Wire:
    """An open connection to the game of the server at `url`, http or https.

    Raises OSError (TimeoutError is one) if nobody answers, InvalidHandshake if the server refuses.
    """
    address = parse_uri(url.replace("http", "ws", 1) + "/ws/play")
    wire = Wire(ClientProtocol(address, origin=Origin(url)), cookie, hear, lose)
    try:
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.get_running_loop().create_connection(
                lambda: wire, address.host, address.port, ssl=address.secure or None
            )
            await wire.opened
    except BaseException:
        wire.cut()
        raise
    return wire
