"""How strokes become a map: which map, under which blur. Written beside every data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clickme.maps.blur import DISK, KERNEL, SIGMA, blur, disk_blur
from clickme.maps.canvas import BOX, count_map, photograph_map, player_map, point_map

Painted = tuple[int, NDArray[np.integer]]  # the side of a bubble's square in px, and bubbles int [n, 2]


@dataclass(frozen=True)
class Recipe:
    """`mean`: the share of players who painted a pixel (paper, Fig. 2). `count`: squares of `box` px, summed,
    over their maximum (the original game). `point`: bubbles per pixel and player (ClickMe 2).

    Then a `kernel` x `kernel` px Gaussian of `sigma` px (paper, appendix), ClickMe 2's flat disk of
    `diameter` px, twice, or nothing.
    """

    map: Literal["mean", "count", "point"] = "mean"
    box: int = BOX
    blur: Literal["gaussian", "disk", "none"] = "gaussian"
    kernel: int = KERNEL
    sigma: float = SIGMA
    diameter: int = DISK

    def sharp(self, players: Sequence[Painted]) -> NDArray[np.float64]:
        """The map before any blur: float64 [256, 256], from what each of one or more players painted."""
        match self.map:
            case "mean":
                return photograph_map(player_map(bubbles, bubble=side) for side, bubbles in players)
            case "count":
                return count_map(np.concatenate([bubbles for _, bubbles in players]), box=self.box)
            case "point":
                return point_map(bubbles for _, bubbles in players)

    def heat(self, sharp: NDArray[np.float64]) -> NDArray[np.float64]:
        """The finished map: float64 [..., 256, 256], from sharp ones."""
        match self.blur:
            case "gaussian":
                return blur(sharp, size=self.kernel, sigma=self.sigma)
            case "disk":
                return disk_blur(sharp, diameter=self.diameter)
            case "none":
                return sharp
