"""Alignment as Harmonization measures it (Fel et al., "Harmonizing the object recognition strategies", 2022).

Its evaluation holds the saliency of a network against maps. Here it stands on the same photographs, crops
and maps as all else that is measured, which differs from theirs in three ways: theirs scales the whole
photograph to 224 px where ours is a crop of it; theirs blurs maps once more by itself (10x10, σ 10, at 64
px) where ours are blurred by the data set's recipe; and where theirs has no correlation, ours is 0.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clickme_gala.evaluate.correlation import rho
from clickme_gala.evaluate.resampling import interval

CEILING: Final = 0.65753  # of people, in Harmonization's evaluation
TOP: Final = 10  # % of the pixels


@dataclass(frozen=True)
class Alignment:
    """How far a network's saliency follows the maps of a data set: means over photographs."""

    photographs: int
    rho: float  # Spearman's, in [-1, 1]
    interval: tuple[float, float]  # 95 %, by drawing photographs anew
    dice: float  # of the top 10 % of pixels of both, in [0, 1]
    iou: float  # of the same

    @property
    def score(self) -> float:
        """rho as a share of Harmonization's ceiling, whatever the data set's own is."""
        return self.rho / CEILING


class Aligning:
    """Takes photographs one by one, and says how far saliency was aligned with their maps."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._found: list[tuple[float, float, float]] = []

    def add(self, saliency: NDArray[np.float32], map_: NDArray[np.float32]) -> None:
        """A photograph's saliency and its map, both of S x S px, both through `correlation.centred`.

        A map that is the same everywhere is passed over, as in `variability.Following`.
        """
        if map_.any():
            self._found.append((rho(saliency, map_), *_overlap(_top(saliency), _top(map_))))

    def sum_up(self) -> Alignment | None:
        """None if no photograph had a map that ranks anything."""
        if not self._found:
            return None
        found = np.array(self._found)
        correlation, dice, iou = found.mean(0).tolist()
        return Alignment(len(found), correlation, interval(found[:, 0], self._seed), dice, iou)


def _top(ranked: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The pixels above the 90th percentile: ranks have the order of what they rank, and its ties.

    Where many pixels tie at the percentile, as the zeros of a small map do, fewer than 10 % lie above it.
    """
    above: NDArray[np.bool_] = ranked > np.percentile(ranked, 100 - TOP)
    return above


def _overlap(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> tuple[float, float]:
    """Dice and IoU; 0 of nothing and nothing."""
    both, either = np.count_nonzero(a & b), np.count_nonzero(a | b)
    return (2 * both / (both + either), both / either) if either else (0.0, 0.0)
