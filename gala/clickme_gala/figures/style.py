"""How every figure looks, and how it becomes files."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

from clickme.kit.files import whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The game's colours. Accent and contrast differ in lightness too: they are told apart without colour.
PAPER: Final = "#f6f1e7"
INK: Final = "#26221b"
INK_QUIET: Final = "#655d50"
LINE: Final = "#ddd4c3"
ACCENT: Final = "#b93a10"
CONTRAST: Final = "#5b9bc0"

WORDS: Final = "DejaVu Serif"  # matplotlib brings it: figures are the same on every machine
DPI: Final = 200  # of a PNG


def sheet(width: float, height: float) -> "Figure":
    """An empty figure of that many inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER)


def write(figure: "Figure", x: float, y: float, words: str, **how: object) -> None:
    """Words at a place of the figure, in inches from its upper left corner; `how` is matplotlib's."""
    width, height = figure.get_size_inches()
    look = {"family": WORDS, "fontsize": 9, "color": INK, "parse_math": False} | how
    figure.text(x / width, 1 - y / height, words, **look)  # type: ignore[arg-type]


def place(figure: "Figure", x: float, y: float, width: float, height: float) -> "Axes":
    """Axes by their upper left corner and their size, in inches."""
    full_width, full_height = figure.get_size_inches()
    corner = (x / full_width, 1 - (y + height) / full_height)
    axes = figure.add_axes((*corner, width / full_width, height / full_height), facecolor=PAPER)
    for spine in axes.spines.values():
        spine.set(color=LINE, linewidth=0.8)
    return axes


def save(figure: "Figure", path: Path) -> None:
    """Write `path`.png and `path`.svg, each whole or not at all; equal figures give equal bytes."""
    from matplotlib import rc_context

    with rc_context({"svg.hashsalt": "clickme"}):
        for kind, said in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
            with whole(path.with_name(f"{path.name}.{kind}")) as partial:
                figure.savefig(partial, format=kind, dpi=DPI, metadata=said)
