"""What players painted on a photograph (paper, section 2.1 and Fig. 2)."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

SIZE = 256  # px, the height and width of every photograph
BUBBLE = 14  # px, the side of a bubble's square


def player_map(bubbles: NDArray[np.integer], *, bubble: int = BUBBLE) -> NDArray[np.bool_]:
    """The union of one player's bubbles: bool [256, 256], indexed [y, x], true where painted.

    `bubbles` is int [n, 2], the x and y of each in px of the photograph, in any order. `bubble` is the side
    of its square in px: [x - 7, x + 7) by [y - 7, y + 7) for 14 (paper, section 2), clipped at the edges. An
    odd square has its bubble in the middle.
    """
    painted = np.zeros((SIZE, SIZE), dtype=np.bool_)
    starts = np.asarray(bubbles, dtype=np.int64).reshape(-1, 2) - bubble // 2
    lefts_tops = starts.clip(0, SIZE).tolist()
    rights_bottoms = (starts + bubble).clip(0, SIZE).tolist()
    # A round has at most 140 bubbles: filling 140 small squares takes less time than summing up a difference
    # array over the whole photograph.
    for (left, top), (right, bottom) in zip(lefts_tops, rights_bottoms, strict=True):
        painted[top:bottom, left:right] = True
    return painted


def photograph_map(player_maps: Iterable[NDArray[np.bool_]]) -> NDArray[np.float64]:
    """The share of players who painted each pixel: float64 [256, 256] in [0, 1] (paper, Fig. 2).

    Takes one map at a time from `player_maps`, bool [256, 256] each. Players are counted in integers and
    divided once, so every pixel is the float64 nearest to the true share. `ValueError` if there is no map.
    """
    counts = np.zeros((SIZE, SIZE), dtype=np.int64)
    players = 0
    for painted in player_maps:
        counts += painted
        players += 1
    if players == 0:
        raise ValueError("a photograph's map is a mean over players, and there are none")
    return counts / players


def extent(painted: NDArray[np.generic]) -> tuple[int, int, int, int]:
    """The smallest box around what is not zero: (y0, x0, y1, x1) in px, y1 and x1 exclusive.

    `painted` is a map [height, width]. `ValueError` if nothing is painted.
    """
    rows = np.flatnonzero(painted.any(axis=1))
    columns = np.flatnonzero(painted.any(axis=0))
    if rows.size == 0:
        raise ValueError("nothing is painted, so there is no extent")
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
