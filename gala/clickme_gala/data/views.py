"""What a network sees of a photograph: a crop of it, and the same crop of its map."""

from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from clickme.maps import SIZE
from clickme_gala.data.sample import Sample

Picture = TypeVar("Picture", NDArray[np.uint8], NDArray[np.float32])

CROP = 224  # px of 256 that a crop has: the paper's, and the partner's


@dataclass(frozen=True)
class View:
    """A crop of `size` px, from a photograph scaled so that it is 224/256 of it.

    To train, the crop is somewhere, and every other one is mirrored (paper, section 3.3: random crops and
    left-right flips); else it is the centre, as the partner sees it.
    """

    size: int
    train: bool

    @property
    def scaled(self) -> int:
        """The side of the scaled photograph in px: 256 for 224."""
        return round(self.size * SIZE / CROP)

    def __call__(self, sample: Sample, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """The photograph uint8 [3, S, S], whose channels come last in memory, and its map float32 [S, S].

        The map is zero where there is none.
        """
        room = self.scaled - self.size
        top = left = room // 2
        mirrored = False
        if self.train:
            top, left = rng.integers(0, room, 2, endpoint=True)
            mirrored = bool(rng.integers(2))

        def seen(picture: Picture) -> Tensor:
            crop = torch.from_numpy(picture[top : top + self.size, left : left + self.size].copy())
            return crop.flip(1) if mirrored else crop  # NumPy mirrors colours ten times slower

        sample = scaled(sample, self.scaled)
        map_ = torch.zeros(self.size, self.size) if sample.map is None else seen(sample.map)
        return seen(sample.image).permute(2, 0, 1), map_


def scaled(sample: Sample, size: int) -> Sample:
    """The photograph and its map at `size` px.

    Photographs bicubic; maps bilinear: bicubic would go below zero beside what was painted, and boxes would
    make steps of a map.
    """
    image = scale(sample.image, size, Image.Resampling.BICUBIC)
    map_ = None if sample.map is None else scale(sample.map, size, Image.Resampling.BILINEAR)
    return sample._replace(image=image, map=map_)


def scale(picture: Picture, size: int, by: Image.Resampling) -> Picture:
    """A picture [h, w, ...] at `size` px; Pillow widens the filter where it shrinks, so nothing aliases."""
    if picture.shape[:2] == (size, size):
        return picture
    return cast(Picture, np.asarray(Image.fromarray(picture).resize((size, size), by)))
