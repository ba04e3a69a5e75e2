"""Rows of pictures under headings."""

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from clickme_gala.figures.style import INK_QUIET, PAPER, place, sheet, write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE: Final = 1.5  # inches, a picture
GAP: Final = 0.09
MARGIN: Final = 0.3
NAMES: Final = 1.15  # for the words before a row
HEADING: Final = 0.34
FOOT: Final = 0.34


def rows_of_pictures(
    names: Sequence[str], headings: Sequence[str], columns: Sequence[NDArray[np.uint8]], *, foot: str = ""
) -> "Figure":
    """A row for each of N photographs, which is called by its name.

    `columns` has under each heading N pictures, uint8 [N, S, S, 3] RGB; `foot` is a line below all.
    """
    width = 2 * MARGIN + NAMES + len(columns) * (SIDE + GAP) - GAP
    height = 2 * MARGIN + HEADING + len(names) * (SIDE + GAP) - GAP + (FOOT if foot else 0)
    figure = sheet(width, height)
    for column, (heading, pictures) in enumerate(zip(headings, columns, strict=True)):
        x = MARGIN + NAMES + column * (SIDE + GAP)
        write(figure, x + SIDE / 2, MARGIN + HEADING - 0.12, fill(heading, 22), ha="center", va="bottom")
        for row, picture in enumerate(pictures):
            axes = place(figure, x, MARGIN + HEADING + row * (SIDE + GAP), SIDE, SIDE)
            axes.set(xticks=[], yticks=[])
            axes.imshow(picture)
    for row, name in enumerate(names):
        y = MARGIN + HEADING + row * (SIDE + GAP) + SIDE / 2
        look = {"ha": "right", "va": "center", "color": INK_QUIET, "style": "italic", "fontsize": 8.5}
        write(figure, MARGIN + NAMES - 0.16, y, fill(name, 14), linespacing=1.35, **look)
    if foot:
        write(figure, MARGIN + NAMES, height - MARGIN, foot, color=INK_QUIET, fontsize=8, va="bottom")
    return figure


def rgb(colour: str) -> NDArray[np.float64]:
    """A colour written #rrggbb as three numbers from 0 to 255."""
    return np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)], dtype=np.float64)


def over_paper(colours: NDArray[np.number], opacity: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Colours [..., 3], 0 to 255, laid on paper: where opacity [...] is 0 there is paper, where 1 none."""
    paper = rgb(PAPER)
    laid = paper + (colours - paper) * opacity[..., None]
    return np.asarray(np.rint(laid), dtype=np.uint8)
