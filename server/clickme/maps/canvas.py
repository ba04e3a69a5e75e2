"""What players painted on a photograph (paper, section 2.1 and Fig. 2; the others as their readers do)."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

SIZE = 256  # px, the height and width of every photograph
BUBBLE = 14  # px, the side of a bubble's square
BOX = 18  # px, the side of the squares that the original summed up


def player_map(bubbles: NDArray[np.integer], *, bubble: int = BUBBLE) -> NDArray[np.bool_]:
    """The union of one player's bubbles: bool [256, 256], indexed [y, x], true where painted.

    `bubbles` is int [n, 2], the x and y of each in px of the photograph, in any order. `bubble` is the side
    of its square in px: [x - 7, x + 7) by [y - 7, y + 7) for 14 (paper, section 2), clipped at the edges. An
    odd square has its bubble in the middle.
    """
    painted = np.zeros((SIZE, SIZE), dtype=np.bool_)
    # A round has at most 140 bubbles: filling 140 small squares takes less time than summing up a difference
    # array over the whole photograph.
    for left, top, right, bottom in _squares(bubbles, bubble).tolist():
        painted[top:bottom, left:right] = True
    return painted


def photograph_map(player_maps: Iterable[NDArray[np.bool_]]) -> NDArray[np.float64]:
    """The share of players who painted each pixel: float64 [256, 256] in [0, 1] (paper, Fig. 2).

    Takes one map at a time from `player_maps`, bool [256, 256] each. Players are counted in integers and
    divided once, so every pixel is the float64 nearest to the true share. `ValueError` if there is no map.
    """
    counts = np.zeros((SIZE, SIZE), dtype=np.uint32)
    players = 0
    for painted in player_maps:
        counts += painted.view(np.uint8)
        players += 1
    if players == 0:
        raise ValueError("a photograph's map is a mean over players, and there are none")
    return counts / players


def count_map(bubbles: NDArray[np.integer], *, box: int = BOX) -> NDArray[np.float64]:
    """How often each pixel was painted, over the largest count: float64 [256, 256] in [0, 1].

    `bubbles` is int [n, 2] of all players together; `box` is the side of their squares in px, laid as in
    `player_map`. The original game's maps: squares of 18 px, summed, divided by the maximum. All zero if no
    square touches the photograph.
    """
    # A square is four corners of its second difference; what lies outside the photograph is clipped away.
    left, top, right, bottom = _squares(bubbles, box).T
    corners = np.zeros((SIZE + 1) ** 2, dtype=np.int32)
    np.add.at(corners, np.concatenate([top, bottom]) * (SIZE + 1) + np.concatenate([left, right]), 1)
    np.add.at(corners, np.concatenate([top, bottom]) * (SIZE + 1) + np.concatenate([right, left]), -1)
    summed = corners.reshape(SIZE + 1, SIZE + 1)
    for axis in (0, 1):
        np.cumsum(summed, axis=axis, out=summed)
    counts = summed[:SIZE, :SIZE]
    return counts / max(int(counts.max()), 1)


def point_map(players: Iterable[NDArray[np.integer]]) -> NDArray[np.float64]:
    """The bubbles at each pixel, a mean over players: float64 [256, 256], never negative (ClickMe 2).

    Each of `players` is int [n, 2]: x and y in px. A bubble outside the photograph counts
    nowhere. `ValueError` if there is no player.
    """
    each = [np.asarray(bubbles, dtype=np.int64).reshape(-1, 2) for bubbles in players]
    if not each:
        raise ValueError("a photograph's map is a mean over players, and there are none")
    points = np.concatenate(each)
    x, y = points[((points >= 0) & (points < SIZE)).all(axis=1)].T
    counts = np.bincount(y * SIZE + x, minlength=SIZE * SIZE)
    return counts.reshape(SIZE, SIZE) / len(each)


def extent(painted: NDArray[np.generic]) -> tuple[int, int, int, int]:
    """The smallest box around what is not zero: (y0, x0, y1, x1) in px, y1 and x1 exclusive.

    `painted` is a map [height, width]. `ValueError` if nothing is painted.
    """
    rows = np.flatnonzero(painted.any(axis=1))
    columns = np.flatnonzero(painted.any(axis=0))
    if rows.size == 0:
        raise ValueError("nothing is painted, so there is no extent")
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def _squares(bubbles: NDArray[np.integer], side: int) -> NDArray[np.int64]:
    """int64 [n, 4]: left, top, right and bottom of each square in px, the last two exclusive, clipped."""
    starts = np.asarray(bubbles, dtype=np.int64).reshape(-1, 2) - side // 2
    return np.hstack([starts, starts + side]).clip(0, SIZE)
