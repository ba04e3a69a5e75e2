"""Simulated rounds that speak HTTP: `python -m benchmarks.partner.load PORT SPEECH`.

A lean client, so that it takes little of what the server needs: a connection a round, requests that are
ready as bytes, nothing read of an answer but its status and length. A round has one request under way,
always with its newest view, as the game's have.
"""

import asyncio
import json
import re
import sys
from collections.abc import Sequence
from typing import cast

import uvloop

from clickme_partner.view import CROP

from .drive import Hear, answer
from .views import Paintings

VIEW_BYTES = CROP * CROP * 3
LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)\r\n", re.IGNORECASE)
PATHS = {"look": "/look", "predict": "/predict", "v2": "/v2/models/partner/infer"}

# The binary tensor extension of the Open Inference Protocol: this header, then the pixels.
V2 = json.dumps(
    {
        "inputs": [
            {
                "name": "image",
                "datatype": "UINT8",
                "shape": [1, CROP, CROP, 3],
                "parameters": {"binary_data_size": VIEW_BYTES},
            }
        ],
        "outputs": [{"name": "logits", "parameters": {"binary_data": True}}],
    },
    separators=(",", ":"),
).encode()


def request(speech: str, pixels: bytes) -> bytes:
    """A whole request about a view, uint8 [224, 224, 3], in the words of a key of `PATHS`."""
    before = V2 if speech == "v2" else b""
    lines = [
        f"POST {PATHS[speech]} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/octet-stream",
        f"Content-Length: {len(before) + len(pixels)}",
        *([f"Inference-Header-Content-Length: {len(before)}"] if before else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + before + pixels


class Connection(asyncio.Protocol):
    """A round's way to the server. A server that hangs up gets no second chance: all else fails."""

    def __init__(self, requests: Sequence[bytes], offset: int, hear: Hear) -> None:
        self._requests, self._offset, self._hear = requests, offset, hear
        self._newest = 0
        self._under_way = 0  # the view's number, or 0
        self._came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def show(self, number: int) -> None:
        self._newest = number
        if self._transport.is_closing():
            self._hear(None)
        elif not self._under_way:
            self._send()

    def data_received(self, data: bytes) -> None:
        self._came += data
        head, ended, body = self._came.partition(b"\r\n\r\n")
        if not ended:
            return
        length = LENGTH.search(head + b"\r\n")
        if length is None:
            raise ValueError(f"an answer without a length: {head!r}")
        if len(body) < int(length[1]):
            return
        number, self._under_way, self._came = self._under_way, 0, b""
        if head.startswith(b"HTTP/1.1 200"):
            self._hear(number)
            if self._newest > number:
                self._send()
        else:  # the next view tries again
            self._hear(None)

    def leave(self) -> None:
        self._transport.close()

    def _send(self) -> None:
        self._under_way = self._newest
        self._transport.write(self._requests[(self._offset + self._newest) % len(self._requests)])


async def main(port: int, speech: str) -> None:
    requests = [request(speech, pixels) for pixels in Paintings().composed()]
    loop = asyncio.get_running_loop()

    async def sit(player: int, hear: Hear) -> Connection:
        _, connection = await loop.create_connection(
            lambda: Connection(requests, player * len(requests) // 7, hear), "127.0.0.1", port
        )
        return connection

    await answer(sit)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
