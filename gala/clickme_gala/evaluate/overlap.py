"""How far attention covers objects (paper, appendix: an IoU of 0.26 with ClickMe, of 0.03 without)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clickme_gala.evaluate.resampling import flipped

THRESHOLD: Final = 0.5  # of attention that goes from 0 to 1 in each photograph


@dataclass(frozen=True)
class Overlap:
    """A network's attention beside the masks of objects. Overlaps are float64 [photographs], in [0, 1].

    They are NaN for a photograph in whose crop there is no object.
    """

    iou: NDArray[np.float64]  # of attention of `THRESHOLD` or more, and the mask
    equal_areas: NDArray[
        np.float64
    ]  # of as many of the highest pixels as the mask has: looking at more gains nothing
    others: NDArray[np.float64]  # of attention of `THRESHOLD` or more, and the mask of the photograph before

    @property
    def photographs(self) -> int:
        return int(np.count_nonzero(~np.isnan(self.iou)))

    def p_of_chance(self, seed: int) -> float | None:
        """That the mask might be any photograph's: two-sided, as `flipped`. None for one photograph."""
        return _paired(self.iou, self.others, seed)

    def p_against(self, other: "Overlap", seed: int) -> float | None:
        """That the IoU might be the other network's, on the same photographs: two-sided, as `flipped`."""
        return _paired(self.iou, other.iou, seed)


def _paired(a: NDArray[np.float64], b: NDArray[np.float64], seed: int) -> float | None:
    differences = (a - b)[~np.isnan(a - b)]
    return flipped(differences, seed) if differences.size else None


class Overlapping:
    """Takes photographs one by one, and says how far attention covered their objects."""

    def __init__(self) -> None:
        self._found: list[tuple[float, float, float]] = []
        self._first: tuple[int, NDArray[np.bool_]] | None = (
            None  # the first with an object, and what was looked at
        )
        self._before: NDArray[np.bool_] | None = None  # the mask of the last with an object

    def add(self, attention: NDArray[np.float32], mask: NDArray[np.bool_]) -> None:
        """A photograph's attention and the mask of its objects, both [S, S]."""
        if not mask.any():
            self._found.append((np.nan, np.nan, np.nan))
            return
        looked_at = attended(attention)
        other = np.nan if self._before is None else iou(looked_at, self._before)
        if self._first is None:
            self._first = len(self._found), looked_at
        self._before = mask
        highest_ = highest(attention, int(np.count_nonzero(mask)))
        self._found.append((iou(looked_at, mask), iou(highest_, mask), other))

    def sum_up(self) -> Overlap | None:
        """None if no photograph had an object."""
        if self._first is None or self._before is None:
            return None
        found = np.array(self._found)
        at, looked_at = self._first
        if np.count_nonzero(~np.isnan(found[:, 0])) > 1:
            found[at, 2] = iou(looked_at, self._before)  # the first comes after the last
        return Overlap(*found.T)


def attended(attention: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where attention, stretched from 0 to 1 over its photograph, is `THRESHOLD` or more.

    Nowhere, if it is the same everywhere.
    """
    low, high = attention.min(), attention.max()
    if high == low:
        return np.zeros(attention.shape, np.bool_)
    chosen: NDArray[np.bool_] = attention - low >= THRESHOLD * (high - low)
    return chosen


def highest(attention: NDArray[np.float32], count: int) -> NDArray[np.bool_]:
    """The `count` highest pixels; of equals the first in reading order."""
    chosen = np.zeros(attention.size, np.bool_)
    chosen[np.argsort(-attention, axis=None, kind="stable")[:count]] = True
    return chosen.reshape(attention.shape)


def iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks, in [0, 1]; 0 of nothing and nothing."""
    either = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / either if either else 0.0
