"""Where people and networks look, as transparency (paper, Fig. 4)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from clickme_gala.figures.pictures import over_paper, rows_of_pictures
from clickme_gala.loss import fit

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def attention_figure(
    photographs: NDArray[np.uint8],
    names: Sequence[str],
    looks: Mapping[str, NDArray[np.floating]],
) -> "Figure":
    """A row for each photograph: itself, and what each looker sees of it.

    `photographs` is uint8 [N, S, S, 3] RGB, `names` what is in them. `looks` has, by the looker's name, maps
    [N, h, w] of any scale and size: the maps of people, or a network's attention, reduced to one channel.
    What is looked at most is whole, what is looked at least is paper.
    """
    size = photographs.shape[1]
    columns = [over_paper(photographs, opacity(maps, size)) for maps in looks.values()]
    return rows_of_pictures(names, ["photograph", *looks], [photographs, *columns])


def opacity(maps: NDArray[np.floating], size: int) -> NDArray[np.float64]:
    """Maps [N, h, w] at [N, size, size], each from 0, its least, to 1, its most.

    A map that is the same everywhere is 1, and 0 if it is zero.
    """
    large = fit(torch.from_numpy(np.asarray(maps, dtype=np.float64)), (size, size)).numpy()
    least, most = (found(maps, axis=(1, 2), keepdims=True) for found in (np.min, np.max))
    spread = most - least
    flat = (spread == 0).astype(np.float64) * (most != 0)
    scaled = np.where(spread == 0, flat, (large - least) / np.where(spread == 0, 1, spread))
    return np.asarray(scaled.clip(0, 1), dtype=np.float64)  # a cubic overshoots
