"""Files of figures: two of each, whole, and the same bytes of the same figure."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from clickme_gala.figures.style import PAPER, place, save, sheet, write


def made() -> Figure:
    figure = sheet(2, 1)
    write(figure, 0.2, 0.3, "λ, and other words: $\\nonsense$ is two dollars")
    axes = place(figure, 0.5, 0.5, 1, 0.25)
    axes.plot([0, 1], [0, 1])
    axes.imshow(np.zeros((4, 4, 3), np.uint8))
    return figure


def test_equal_figures_give_equal_files(tmp_path: Path) -> None:
    save(made(), tmp_path / "one" / "map.of.koalas")
    save(made(), tmp_path / "two" / "map.of.koalas")
    names = ["map.of.koalas.png", "map.of.koalas.svg"]
    for folder in ("one", "two"):
        assert sorted(path.name for path in (tmp_path / folder).iterdir()) == names
    for name in names:
        data = (tmp_path / "one" / name).read_bytes()
        assert data == (tmp_path / "two" / name).read_bytes()
        assert b"dc:date" not in data


def test_the_png_is_paper_of_the_size_that_was_asked_for(tmp_path: Path) -> None:
    save(made(), tmp_path / "it")
    with Image.open(tmp_path / "it.png") as picture:
        assert picture.size == (400, 200)
        assert "#{:02x}{:02x}{:02x}".format(*picture.convert("RGB").getpixel((1, 1))) == PAPER  # type: ignore[misc]


def test_axes_lie_where_they_were_placed() -> None:
    box = place(sheet(4, 2), 1, 0.5, 2, 1).get_position()
    assert (box.x0, box.y0, box.width, box.height) == pytest.approx((0.25, 0.25, 0.5, 0.5))


def test_a_figure_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "it.png").write_bytes(b"the figure of yesterday")
    figure = sheet(1, 1)
    figure.text(0.5, 0.5, "$\\nonsense$")  # matplotlib cannot set this, and finds out while it draws
    with pytest.raises(ValueError, match="nonsense"):
        save(figure, tmp_path / "it")
    assert [path.name for path in tmp_path.iterdir()] == ["it.png"]
    assert (tmp_path / "it.png").read_bytes() == b"the figure of yesterday"
