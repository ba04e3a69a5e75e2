"""The fraction of human ClickMe variability that attention explains (paper, section 4 and Table 3)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clickme_gala.evaluate.correlation import rho, rhos
from clickme_gala.evaluate.resampling import interval, shuffled

NULLS: Final = 2_000  # photographs that are held against each other's maps, at most


@dataclass(frozen=True)
class Variability:
    """How far a network's attention follows the maps of a data set.

    Correlations are Spearman's rho of the last attention, resized bicubically to the photographs' size, and
    the map; means over photographs, in [-1, 1].
    """

    photographs: int
    rho: float
    interval: tuple[float, float]  # 95 %, by drawing photographs anew
    nulls: int  # photographs whose attention was held against the maps of all others of them
    null: float | None  # the mean of that; None for one photograph
    p: float | None  # that a map might be any photograph's: one-sided, maps shuffled 10,000 times


class Following:
    """Takes photographs one by one, and says how far attention followed their maps.

    Beyond a number a photograph it keeps the ranks of those in the null: at most 2,000, drawn by `seed`, of
    `with_maps` that are to come. That is 0.8 GB at 224 px.
    """

    def __init__(self, with_maps: int, seed: int) -> None:
        drawn = np.random.default_rng(seed).permutation(with_maps)[:NULLS]
        self._seed = seed
        self._in_null = frozenset(drawn.tolist())
        self._came = 0
        self._rhos: list[float] = []
        self._attention: list[NDArray[np.float32]] = []
        self._maps: list[NDArray[np.float32]] = []

    def add(self, attention: NDArray[np.float32], map_: NDArray[np.float32]) -> None:
        """A photograph's attention and its map, both of S x S px, both through `correlation.centred`.

        A map that is the same everywhere ranks nothing: its photograph is passed over. Attention that is
        follows nothing: its rho is 0.
        """
        if map_.any():
            self._rhos.append(rho(attention, map_))
            if self._came in self._in_null:
                self._attention.append(attention)
                self._maps.append(map_)
        self._came += 1

    def sum_up(self) -> Variability | None:
        """None if no photograph had a map that ranks anything."""
        if not self._rhos:
            return None
        found = np.array(self._rhos)
        nulls, null, p = len(self._maps), None, None
        if nulls > 1:
            each = rhos(self._attention, self._maps)
            null = float((each.sum() - each.trace()) / (nulls * (nulls - 1)))
            p = shuffled(each, self._seed)
        return Variability(
            photographs=found.size,
            rho=float(found.mean()),
            interval=interval(found, self._seed),
            nulls=nulls if nulls > 1 else 0,
            null=null,
            p=p,
        )
