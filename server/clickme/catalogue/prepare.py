"""Preparing a photograph as the paper does (Table 4): centre crop to a square, scale to 256x256 px.

Nothing here knows of the database or the disk's layout.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from clickme.kit.pictures import centre, upright
from clickme.kit.problems import Problem
from clickme.settings import Limits

SIDE = 256  # px
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")

# One limit, Limits.source_pixels, asked of the header below; Pillow's own would warn where this one allows.
Image.MAX_IMAGE_PIXELS = None


class Reason(StrEnum):
    """Why a photograph was left out."""

    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"


class LeftOut(Problem):
    """A photograph that cannot be used; `code` is a `Reason`."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason


def prepare(source: bytes | Path, limits: Limits) -> bytes:
    """The photograph, given as a file or as its bytes, as the game shows it.

    Gives an RGB JPEG of 256x256 px (quality 95, 4:4:4, no metadata); the same source gives the same bytes as
    long as Pillow stays the same. Upright by its EXIF orientation; of an animation the first frame;
    transparency over white; 16-bit grey scaled to 8 bits. Embedded colour profiles are passed over, as they
    are where classifiers are trained.

    Raises LeftOut: `too_small` under 256 px in height or width (paper, Table 4), `too_large` over `limits`,
    `unreadable` for anything that is no whole JPEG, PNG, WebP, TIFF, BMP or GIF.
    """
    with readable():
        size = source.stat().st_size if isinstance(source, Path) else len(source)
        if size > limits.source_file_bytes:
            raise LeftOut(Reason.TOO_LARGE, f"{size:,} bytes are more than {limits.source_file_bytes:,}.")
        with Image.open(source if isinstance(source, Path) else BytesIO(source), formats=FORMATS) as image:
            _check_size(*image.size, limits)
            image.load()
            square = _in_rgb(centre(upright(image)))
        # Lanczos, widened by Pillow to the scale: the sharpest of its filters, and it does not alias.
        # Without reducing_gap: that shortcut of the scaling is not exact.
        square = square.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        square.info.clear()  # else the comment of the source is written again
        prepared = BytesIO()
        square.save(prepared, "JPEG", quality=95, subsampling=0)
    return prepared.getvalue()


@contextmanager
def readable() -> Iterator[None]:
    """Whatever a photograph trips over (decoders raise many kinds of error) becomes LeftOut `unreadable`."""
    try:
        yield
    except LeftOut:
        raise
    except UnidentifiedImageError:
        raise LeftOut(Reason.UNREADABLE, "It is not a JPEG, PNG, WebP, TIFF, BMP or GIF.") from None
    except Exception as error:
        what = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
        what = " ".join(what.split()).rstrip(" .")
        raise LeftOut(Reason.UNREADABLE, f"It cannot be read: {what}.") from None


def _check_size(width: int, height: int, limits: Limits) -> None:
    # From the header, before anything is decoded. Turning a photograph upright changes neither figure.
    if min(width, height) < SIDE:
        raise LeftOut(Reason.TOO_SMALL, f"{width}x{height} px: the shorter side is under {SIDE} px.")
    if width * height > limits.source_pixels:
        raise LeftOut(Reason.TOO_LARGE, f"{width}x{height} px are more than {limits.source_pixels:,} pixels.")


def _in_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F"):
        raise LeftOut(Reason.UNREADABLE, "Its 32-bit pixels have no agreed white: save it with 8 or 16 bits.")
    if image.mode.startswith("I;16"):
        # Pillow would clip at 255. 65,535 / 257 is 255; half of 257 rounds.
        levels = (np.asarray(image).astype(np.uint32) + 128) // 257
        return Image.fromarray(levels.astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        clear = image if image.mode == "RGBA" else image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(clear, mask=clear)
        return white
    return image if image.mode == "RGB" else image.convert("RGB")  # no copy: it may be hundreds of megabytes
