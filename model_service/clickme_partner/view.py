"""What the partner gets to see: the painted parts of a photograph, and a ground where nothing is painted."""

import zlib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final, Literal, get_args

import numpy as np
import numpy.typing as npt

SIZE: Final = 256  # px, the photograph
CROP: Final = 224  # px, the view: the photograph's centre
MARGIN: Final = (SIZE - CROP) // 2

Fill = Literal["mean", "black", "noisy-dark"]
FILLS: Final[tuple[Fill, ...]] = get_args(Fill)

# The mean colour of ImageNet's training photographs, as nearly every network for them is normalised with.
MEAN_COLOUR: Final = np.rint(np.array([0.485, 0.456, 0.406]) * 255).astype(np.uint8)


def centre(photograph: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The part of a photograph, uint8 [256, 256, 3], that the partner looks at: [224, 224, 3], not a copy."""
    inside = slice(MARGIN, MARGIN + CROP)
    return photograph[inside, inside]


def ground(fill: Fill, centre: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """What is seen where nothing is painted: uint8 [224, 224, 3], not to be written to.

    `mean` is the mean ImageNet colour and `black` black. `noisy-dark` is what the original game showed:
    clip(image + N(0, 0.4) - 0.5, 0, 1), with the image's values in [0, 1]. Its noise follows from the
    photograph's pixels, so that a view can be composed again from what is recorded.
    """
    if fill == "noisy-dark":
        noise = np.random.default_rng(zlib.crc32(centre.tobytes())).normal(0, 0.4 * 255, centre.shape)
        return np.clip(np.rint(centre + noise - 0.5 * 255), 0, 255).astype(np.uint8)
    return _even(fill)


@cache
def _even(fill: Fill) -> npt.NDArray[np.uint8]:
    # Laid out in full: to copy it takes a hundredth of the time that three repeated bytes take.
    even = np.empty((CROP, CROP, 3), np.uint8)
    even[...] = MEAN_COLOUR if fill == "mean" else 0
    even.flags.writeable = False
    return even


def compose(
    row: npt.NDArray[np.uint8],
    centre: npt.NDArray[np.uint8],
    ground: npt.NDArray[np.uint8],
    bubbles: Iterable[Sequence[int]],
    size: int = 21,
) -> None:
    """Write the view into `row`: `centre` where it is revealed, `ground` elsewhere; all uint8 [224, 224, 3].

    A bubble's first two numbers are x and y, px of the whole photograph, x right, y down. It reveals the
    square of `size` px (21 in the paper, section 2) that begins size // 2 before it.
    """
    row[...] = ground
    before = MARGIN + size // 2
    for bubble in bubbles:
        left, top = bubble[0] - before, bubble[1] - before
        right, bottom = left + size, top + size
        if right > 0 and bottom > 0:  # and a side below 0 would count from the far edge
            shown = slice(top if top > 0 else 0, bottom), slice(left if left > 0 else 0, right)
            row[shown] = centre[shown]
