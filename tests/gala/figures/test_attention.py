"""Attention as transparency: from values to pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clickme_gala.figures.attention import attention_figure, opacity

PAPER = (0xF6, 0xF1, 0xE7)


def photographs(count: int, size: int = 32) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), np.uint8)


def pictures(looks: dict[str, NDArray[np.floating]], count: int = 2) -> list[NDArray[np.uint8]]:
    """What a figure shows, column by column, each from top to bottom."""
    figure = attention_figure(photographs(count), ["koala"] * count, looks)
    return [np.asarray(axes.images[0].get_array(), dtype=np.uint8) for axes in figure.axes]


def test_the_photographs_come_first_as_they_are() -> None:
    shown = pictures({"people": np.ones((2, 32, 32))})
    assert len(shown) == 4
    np.testing.assert_array_equal(shown[:2], photographs(2))


def test_where_nobody_looks_there_is_paper_and_where_all_look_the_photograph() -> None:
    people = np.zeros((2, 32, 32))
    people[:, :, 16:] = 0.3
    shown = pictures({"people": people})[2]
    assert (shown[:, :16] == PAPER).all()
    np.testing.assert_array_equal(shown[:, 16:], photographs(2)[0, :, 16:])


def test_half_attention_is_half_paper() -> None:
    people = np.zeros((2, 32, 32))
    people[:, 0, 0], people[:, 8, 8] = 2, 1
    shown = pictures({"people": people})[2]
    expected = (photographs(2)[0, 8, 8] + np.array(PAPER)) / 2
    assert np.abs(shown[8, 8] - expected).max() <= 0.5


def test_a_looker_of_nothing_sees_paper() -> None:
    shown = pictures({"people": np.zeros((2, 14, 14)), "network": np.ones((2, 14, 14))})
    assert (np.stack(shown[2:4]) == PAPER).all()
    np.testing.assert_array_equal(shown[4:], photographs(2))  # who sees all alike sees all


def test_headings_and_names_are_all_there() -> None:
    figure = attention_figure(
        photographs(2),
        ["koala", "lesser panda, red panda"],
        {"people": np.ones((2, 4, 4)), "GALA": np.ones((2, 4, 4))},
    )
    words = [" ".join(text.get_text().split()) for text in figure.texts]
    assert words == ["photograph", "people", "GALA", "koala", "lesser panda, red panda"]


@given(
    seed=st.integers(0, 2**32 - 1),
    scale=st.floats(1e-3, 1e3),
    shift=st.floats(0, 10),
    side=st.sampled_from([2, 7, 14, 40]),
)
def test_opacity_does_not_ask_for_scale(seed: int, scale: float, shift: float, side: int) -> None:
    maps = np.random.default_rng(seed).random((2, side, side))
    found = opacity(maps, 28)
    assert found.shape == (2, 28, 28)
    assert found.min() >= 0
    assert found.max() <= 1
    np.testing.assert_allclose(opacity(maps * scale + shift, 28), found, atol=1e-6)


def test_one_photograph_s_attention_does_not_fade_another_s() -> None:
    maps = np.random.default_rng(1).random((2, 14, 14))
    alone = opacity(maps[:1], 28)
    maps[1] *= 1000
    np.testing.assert_array_equal(opacity(maps, 28)[:1], alone)


def test_looks_and_photographs_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        attention_figure(photographs(3), ["koala"] * 3, {"people": np.ones((2, 4, 4))})
