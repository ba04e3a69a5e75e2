"""Maps as pictures, looked at by Pillow."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from numpy.typing import NDArray
from PIL import Image

from clickme.export.formats.grey import decode_grey, encode_grey, encode_png, to_grey

shapes = st.tuples(st.integers(1, 40), st.integers(1, 40))
greys = st_numpy.arrays(np.uint8, shapes)
heats = st_numpy.arrays(np.float64, shapes, elements=st.floats(0, 1)).filter(lambda heat: heat.max() > 1e-6)


@given(grey=greys)
def test_pillow_sees_every_pixel(grey: NDArray[np.uint8]) -> None:
    with Image.open(io.BytesIO(encode_png(grey))) as opened:
        assert (opened.format, opened.mode) == ("PNG", "L")
        opened.load()
        np.testing.assert_array_equal(np.asarray(opened), grey)


def test_pillow_finds_every_checksum_right() -> None:
    with Image.open(io.BytesIO(encode_png(np.eye(256, dtype=np.uint8)))) as opened:
        opened.verify()


@given(heat=heats)
def test_no_pixel_is_off_by_more_than_half_a_level(
    heat: NDArray[np.float64],
) -> None:
    grey = to_grey(heat, float(heat.max()))

    assert grey.dtype == np.uint8
    assert grey.max() == 255
    assert np.abs(grey / 255 - heat / heat.max()).max() <= 1 / 510 + 1e-12


def test_halves_are_rounded_to_even() -> None:
    assert to_grey(np.array([[0.5, 1.5, 2.5, 255]]), 255).tolist() == [[0, 2, 2, 255]]


@pytest.mark.parametrize("heat", [np.zeros((4, 4)), np.full((4, 4), np.nan)])
def test_a_map_of_nothing_has_no_scale(heat: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match="maximum"):
        encode_grey(heat)


@given(heat=heats)
def test_a_map_comes_back_to_half_a_level(heat: NDArray[np.float64]) -> None:
    heat = np.pad(heat, [(0, 256 - side) for side in heat.shape])

    picture, peak = encode_grey(heat)
    back = decode_grey(picture, peak)

    assert peak == heat.max()
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, heat, rtol=0, atol=peak * (1 / 510 + 2e-7))


def test_only_grey_pictures_are_maps() -> None:
    coloured = io.BytesIO()
    Image.new("RGB", (8, 8)).save(coloured, "PNG")

    with pytest.raises(ValueError, match="RGB"):
        decode_grey(coloured.getvalue(), 1.0)
    with pytest.raises(ValueError, match="identify"):
        decode_grey(b"no picture", 1.0)
    with pytest.raises(ValueError, match="256 px"):
        decode_grey(encode_png(np.eye(8, dtype=np.uint8)), 1.0)
