"""The sweep over λ: where its points stand."""

from math import log10
from pathlib import Path

import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from clickme_gala.figures.style import save
from clickme_gala.figures.sweep import SweepPoint, positions, sweep_figure

POINTS = [
    SweepPoint(6.0, (49.0, 50.0), (88.0, 90.0)),
    SweepPoint(0.0, (53.0, 55.0), (64.0, 65.0)),
    SweepPoint(0.6, (52.0, 52.5), (70.0, 73.0)),
]


def means(axes: Axes) -> list[tuple[float, float]]:
    """The dots of a panel, from left to right."""
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    return sorted((float(dot.get_xdata()[0]), float(dot.get_ydata()[0])) for dot in dots)  # type: ignore[index, arg-type]


def test_weights_stand_at_their_logarithms_and_zero_before_them() -> None:
    assert positions([0, 0.6, 6, 60]) == pytest.approx([log10(0.6) - 0.6, log10(0.6), log10(6), log10(60)])
    assert positions([1, 100]) == [0, 2]
    assert positions([0]) == [-0.6]


def test_panels_show_means_over_seeds_in_the_order_of_weights() -> None:
    errors, fractions = sweep_figure(POINTS).axes
    assert [value for _, value in means(errors)] == [54.0, 52.25, 49.5]
    assert [value for _, value in means(fractions)] == [64.5, 71.5, 89.0]
    assert [tick.get_text() for tick in errors.get_xticklabels()] == ["0", "0.6", "6"]


def test_bars_go_from_the_lowest_to_the_highest() -> None:
    bars = [line for line in sweep_figure(POINTS).axes[0].lines if line.get_alpha() == 0.25]
    assert [tuple(bar.get_ydata()) for bar in bars] == [(53.0, 55.0), (52.0, 52.5), (49.0, 50.0)]  # type: ignore[arg-type]


def test_what_is_without_maps_has_no_line_to_the_rest() -> None:
    (errors, _) = sweep_figure(POINTS).axes
    joined = [line for line in errors.lines if line.get_marker() == "None" and len(line.get_xdata()) == 2]  # type: ignore[arg-type]
    assert any(tuple(line.get_ydata()) == (52.25, 49.5) for line in joined)  # type: ignore[arg-type]
    colours = {to_hex(line.get_color()) for line in errors.lines if line.get_marker() == "o"}
    assert colours == {"#655d50", "#b93a10"}


@pytest.mark.parametrize("points", [POINTS[:1], POINTS[1:2], POINTS[::2]])
def test_any_weights_make_a_figure(points: list[SweepPoint], tmp_path: Path) -> None:
    save(sweep_figure(points), tmp_path / "sweep")
    assert {path.suffix for path in tmp_path.iterdir()} == {".png", ".svg"}
