"""Maps as grey-scale PNG pictures of 8 bits: what most readers take for a heat map."""

import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clickme.maps import SIZE

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY_8_BITS = (8, 0, 0, 0, 0)  # bit depth, grey, deflate, adaptive filters, not interlaced
UP = 2  # the filter that keeps the difference to the pixel above: small numbers, where a map is smooth


def encode_grey(heat: NDArray[np.floating]) -> tuple[bytes, float]:
    """A map as a grey-scale PNG whose white is the map's maximum, and that maximum, in the map's own unit.

    `ValueError` if the map is all zero.
    """
    peak = float(heat.max())
    return encode_png(to_grey(heat, peak)), peak


def to_grey(heat: NDArray[np.floating], peak: float) -> NDArray[np.uint8]:
    """A map divided by its maximum `peak`, times 255, rounded half to even: uint8 [height, width].

    `ValueError` if there is no such maximum.
    """
    if not peak > 0:
        raise ValueError("a map without a maximum has no scale")
    grey: NDArray[np.uint8] = np.rint(heat / peak * 255).astype(np.uint8)
    return grey


def encode_png(grey: NDArray[np.uint8]) -> bytes:
    """uint8 [height, width] as a PNG (ISO/IEC 15948): one filter, and of repeats the runs alone.

    Pillow looks for the best filter of each row and for repeats of any kind. It takes more than twice as long
    at its quickest, for files that are larger.
    """
    height, width = grey.shape
    rows = np.empty((height, width + 1), dtype=np.uint8)
    rows[:, 0] = UP
    rows[0, 1:] = grey[0]
    np.subtract(grey[1:], grey[:-1], out=rows[1:, 1:])
    packing = zlib.compressobj(level=1, strategy=zlib.Z_RLE)
    packed = packing.compress(rows.data) + packing.flush()
    header = struct.pack(">II5B", width, height, *GREY_8_BITS)
    return SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", packed) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return b"".join((struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(kind + data))))


def decode_grey(picture: bytes, peak: float) -> NDArray[np.float32]:
    """The map in a grey-scale picture, float32 [256, 256], scaled so that white is `peak`.

    Off by at most half a grey level: peak / 510. `ValueError` if it is no such picture.
    """
    try:
        with Image.open(io.BytesIO(picture)) as opened:
            if (opened.mode, opened.size) != ("L", (SIZE, SIZE)):
                raise ValueError(
                    f"a map is a grey-scale picture of {SIZE} px, not {opened.mode} {opened.size}"
                )
            return np.asarray(opened, dtype=np.float32) * np.float32(peak / 255)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:  # all of them Pillow's
        raise ValueError(f"a map's picture cannot be read: {error}") from None
