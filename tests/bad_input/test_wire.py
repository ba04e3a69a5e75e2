"""Bytes that are no WebSocket, or break its rules half way: their sender is let go, nobody else notices."""

import json
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from random import Random
from urllib.parse import SplitResult, urlsplit

import httpx2

from clickme.kit.house import House
from clickme.players.consent import CONSENT
from conftest import RunningServer, add_images

MASK = b"\x01\x02\x03\x04"
TEXT, CONTINUED, CLOSE, PING = 0x1, 0x0, 0x8, 0x9


def frame(opcode: int, payload: bytes, *, final: bool = True, reserved: int = 0) -> bytes:
    """A masked frame of RFC 6455, section 5.2, of less than 64 KiB."""
    head = (0x80 if final else 0) | reserved | opcode
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
    return bytes([head]) + size + MASK + bytes(byte ^ MASK[i % 4] for i, byte in enumerate(payload))


BROKEN = {
    "nothing": b"",
    "unmasked": b"\x81\x04next",
    "reserved bit": frame(TEXT, b"{}", reserved=0x40),
    "unknown opcode": frame(0x3, b"{}"),
    "not utf-8": frame(TEXT, b"\xff\xfe"),
    "half a character": frame(TEXT, b"\xc3", final=False) + frame(CONTINUED, b"("),
    "a ping too long": frame(PING, b"x" * 126),
    "a ping in pieces": frame(PING, b"x", final=False),
    "goes on with nothing": frame(CONTINUED, b"{}"),
    "two beginnings": frame(TEXT, b"{", final=False) + frame(TEXT, b"}"),
    "no end": frame(TEXT, b"{", final=False) + frame(CONTINUED, b" " * 60_000, final=False) * 60,
    "an exabyte": b"\x81\xff" + struct.pack(">Q", 2**60) + MASK,
    "a negative length": b"\x81\xff" + struct.pack(">Q", 2**63 + 1) + MASK,
    "an odd farewell": frame(CLOSE, struct.pack(">H", 5)),
    "half a farewell": frame(CLOSE, b"\x03"),
    "half a frame": frame(TEXT, b'{"t":"next"}')[:-4],
} | {f"noise {seed}": Random(seed).randbytes(400) for seed in range(20)}


class Player:
    """One with a session, over bare TCP."""

    def __init__(self, url: str) -> None:
        self.url = urlsplit(url)
        with httpx2.Client(base_url=url) as client:
            answer = client.post("/api/players", json={"consent": CONSENT.version})
            self.cookie = "; ".join(f"{name}={value}" for name, value in answer.cookies.items())

    def dial(self) -> socket.socket:
        connection = socket.create_connection((self.url.hostname, self.url.port), timeout=30)
        connection.sendall(
            (
                f"GET /ws/play HTTP/1.1\r\nHost: {self.url.netloc}\r\nOrigin: http://{self.url.netloc}\r\n"
                f"Cookie: {self.cookie}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            ).encode()
        )
        assert connection.recv(12) == b"HTTP/1.1 101"
        return connection

    def plays(self) -> bool:
        """Whether a photograph is still dealt, all the way over a socket."""
        with self.dial() as connection:
            connection.sendall(frame(TEXT, json.dumps({"t": "next"}).encode()))
            heard = b""
            while b'"t":"round"' not in heard:
                more = connection.recv(4096)
                if not more:
                    return False
                heard += more
        return True


def test_bytes_that_break_the_protocol_harm_nobody(serve: Callable[[], RunningServer], house: House) -> None:
    add_images(house, 2)
    server = serve()
    honest = Player(server.url)
    vandal = Player(server.url)
    with honest.dial() as playing:
        for said in BROKEN.values():
            with vandal.dial() as connection, suppress(ConnectionError):
                connection.sendall(said)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):  # until the server lets go
                    pass
        playing.sendall(frame(TEXT, b'{"t":"guess"}'))
        heard = b""
        while b"unknown_type" not in heard:
            more = playing.recv(4096)
            assert more, "the server let go of somebody who had done nothing"
            heard += more
    assert honest.plays()
    assert vandal.plays()
    assert 'code="internal"' not in httpx2.get(f"{server.url}/metrics").text


NO_REQUESTS = [
    b"GET /ws/play HTTP/1.1\r\nHost: here\r\n\r\n",
    b"GET /ws/play HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: here\r\n\r\n",
    b"POST /api/players HTTP/1.1\r\nHost: here\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n",
    b"POST /api/players HTTP/1.1\r\nHost: here\r\nContent-Length: -1\r\n\r\n",
    b"POST /api/players HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
]


def answer_to(url: SplitResult, request: bytes) -> bytes:
    """All that is answered, until the server lets go."""
    answer = b""
    with socket.create_connection((url.hostname, url.port), timeout=30) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            while more := connection.recv(4096):
                answer += more
    return answer


def test_requests_that_are_none_get_no_server_error(serve: Callable[[], RunningServer]) -> None:
    url = urlsplit(serve().url)
    for request in NO_REQUESTS:
        assert not answer_to(url, request).startswith((b"HTTP/1.1 5", b"HTTP/1.0 5"))
    assert httpx2.get(f"{url.geturl()}/livez").status_code == 200
