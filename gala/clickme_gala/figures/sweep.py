"""What the weight of maps in the loss does (paper, Fig. 7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10
from statistics import mean
from typing import TYPE_CHECKING, Final

from clickme_gala.figures.style import ACCENT, INK, INK_QUIET, LINE, PAPER, WORDS, place, sheet, write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

APART: Final = 0.6  # decades between the least weight and 0, which a logarithm has no place for


@dataclass(frozen=True)
class SweepPoint:
    """Networks trained with one weight λ, and alike but for their seeds; a number for each seed."""

    map_weight: float
    top1: tuple[float, ...]  # top-1 error in %
    fraction: tuple[float, ...]  # of human variability, in %


def sweep_figure(points: Sequence[SweepPoint]) -> "Figure":
    """Two panels over λ: top-1 error, and how far attention follows people.

    A dash is a network; dots are means over seeds, and bars go from the lowest to the highest.
    """
    points = sorted(points, key=lambda point: point.map_weight)
    figure = sheet(8.2, 3.7)
    panels = (
        ("top-1 error, %", [point.top1 for point in points]),
        ("fraction of human variability, %", [point.fraction for point in points]),
    )
    for number, (heading, values) in enumerate(panels):
        x = 0.75 + number * 3.95
        write(figure, x, 0.52, heading, va="bottom", fontsize=10)
        axes = place(figure, x, 0.68, 3.2, 2.2)
        _panel(axes, [point.map_weight for point in points], values)
    foot = "Across: the weight λ of maps in the loss. A dash is a network, a dot the mean over seeds."
    write(figure, 0.75, 3.42, foot, va="center", color=INK_QUIET, fontsize=8)
    return figure


def _panel(axes: "Axes", weights: Sequence[float], values: Sequence[tuple[float, ...]]) -> None:
    places = positions(weights)
    means = [mean(seeds) for seeds in values]
    for weight, at, middle, seeds in zip(weights, places, means, values, strict=True):
        colour = INK_QUIET if weight == 0 else ACCENT
        axes.plot(
            [at, at],
            [min(seeds), max(seeds)],
            color=colour,
            alpha=0.25,
            linewidth=6,
            solid_capstyle="butt",
        )
        axes.plot([at] * len(seeds), seeds, "_", color=colour, markersize=6, markeredgewidth=1.1)
        axes.plot(at, middle, "o", color=colour, markersize=6, markeredgecolor=PAPER, markeredgewidth=1)
        if weight == 0:  # what the others are held against
            axes.axhline(middle, color=LINE, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
    with_maps = [number for number, weight in enumerate(weights) if weight > 0]
    axes.plot(
        [places[n] for n in with_maps], [means[n] for n in with_maps], color=ACCENT, linewidth=1.1, zorder=1
    )
    _dress(axes, weights, places)


def _dress(axes: "Axes", weights: Sequence[float], places: Sequence[float]) -> None:
    """Ticks at the weights that there are; a gap in the axis between 0 and the rest."""
    axes.set_xlim(min(places) - 0.25, max(places) + 0.25)
    axes.margins(y=0.15)
    axes.set_xticks(places, [f"{weight:g}" for weight in weights])
    axes.tick_params(color=LINE, labelcolor=INK_QUIET, labelsize=8, length=3, labelfontfamily=WORDS)
    axes.spines[["top", "right"]].set_visible(False)
    if 0 in weights and len(weights) > 1:
        middle = places[0] + APART / 2
        for x, y, colour, line in (
            ((-0.03, 0.03), (0, 0), PAPER, 3.0),
            ((-0.05, -0.01), (-0.025, 0.025), INK, 0.9),
            ((0.01, 0.05), (-0.025, 0.025), INK, 0.9),
        ):
            axes.plot(
                [middle + x[0], middle + x[1]],
                y,
                color=colour,
                linewidth=line,
                transform=axes.get_xaxis_transform(),
                clip_on=False,
                zorder=4,
            )


def positions(weights: Sequence[float]) -> list[float]:
    """Where ascending weights stand: at their decimal logarithms, and 0 apart, before them."""
    least = min((log10(weight) for weight in weights if weight > 0), default=0.0)
    return [log10(weight) if weight > 0 else least - APART for weight in weights]
