"""What the partner gets to see: the painted parts of a photograph, the rest in one even colour."""

from typing import Final

import numpy as np
import numpy.typing as npt

SIZE: Final = 256  # px, the photograph
CROP: Final = 224  # px, the view: the photograph's centre
MARGIN: Final = (SIZE - CROP) // 2

# The mean colour of ImageNet's training photographs, as nearly every network for them is normalised with.
MEAN_COLOUR: Final = np.rint(np.array([0.485, 0.456, 0.406]) * 255).astype(np.uint8)


def reveal(mask: npt.NDArray[np.bool_], x: int, y: int, size: int = 21) -> None:
    """Add one bubble's reveal to `mask`, in place.

    `mask` is bool [256, 256], indexed [y, x]; `x` and `y` are px of the photograph, x right, y down. The
    reveal is the square of `size` px (21 in the paper, section 2) that begins size // 2 before them,
    clipped at the edges.
    """
    left, top = x - size // 2, y - size // 2
    # A stop below 0 would count from the far edge.
    mask[max(0, top) : max(0, top + size), max(0, left) : max(0, left + size)] = True


def compose(photograph: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """The view: the centre of `photograph` where `mask` is true, `MEAN_COLOUR` elsewhere.

    `photograph` is uint8 [256, 256, 3] RGB, `mask` bool [256, 256]; the view is a new uint8 [224, 224, 3].
    """
    centre = slice(MARGIN, MARGIN + CROP)
    return np.where(mask[centre, centre, None], photograph[centre, centre], MEAN_COLOUR)
