"""Photographs as the partner looks at them, decoded: the ones that were looked at last."""

from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from clickme_partner.errors import PartnerError
from clickme_partner.view import SIZE, Fill, centre, ground

MOST: Final = 512  # 150 KB each, and twice that where the ground is the photograph's own


class Scene(NamedTuple):
    """The middle of a photograph, and what is seen of it where nothing is painted: uint8 [224, 224, 3]."""

    centre: npt.NDArray[np.uint8]
    ground: npt.NDArray[np.uint8]


class Photographs:
    """At most `most` scenes. Several threads may ask at once."""

    def __init__(self, most: int = MOST) -> None:
        # What could not be read is not kept: a file that is put right counts at once.
        self.scene = lru_cache(most)(read)


def read(file: Path, fill: Fill) -> Scene:
    """A photograph of 256x256 px. PartnerError `photograph_damaged` if the file is not one, or not there."""
    try:
        with Image.open(file) as image:
            if image.size != (SIZE, SIZE):
                raise ValueError(f"it has {image.width}x{image.height} px")
            pixels = np.asarray(image.convert("RGB"))
    except Exception as error:  # decoders raise many kinds of error
        message = f"The photograph {file.name} cannot be read: {error}."
        raise PartnerError("photograph_damaged", message) from error
    seen = np.ascontiguousarray(centre(pixels))
    return Scene(seen, ground(fill, seen))
