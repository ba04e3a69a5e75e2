"""What several tests of the catalogue need."""

import struct
import zlib

import pytest


@pytest.fixture
def bomb() -> bytes:
    """The beginning of a PNG of 20,000x20,000 px (PNG specification, 11.2.2); its pixels are not there."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(100))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in (header, data)
    )
