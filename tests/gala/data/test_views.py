"""Crops and flips, the same for a photograph and for its map."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clickme_gala.data import Sample
from clickme_gala.data.views import View


def sample(image: NDArray[np.uint8], map_: NDArray[np.float32] | None) -> Sample:
    return Sample("one", "n01440764/one.JPEG", image, map_, 0, 1)


def ramp() -> Sample:
    """A photograph whose pixels say where they were, red the row and green the column; its map likewise."""
    rows, columns = np.mgrid[:256, :256]
    image = np.stack([rows, columns, rows ^ columns], axis=-1).astype(np.uint8)
    return sample(image, (256 * rows + columns).astype(np.float32))


@dataclass
class Cut:
    """Where a view of the ramp came from."""

    top: int
    left: int
    mirrored: bool


def cut(view: View, seed: int) -> Cut:
    """The view, which must be a crop of the photograph and of the map, and the same of both."""
    image, map_ = view(ramp(), np.random.default_rng(seed))
    assert (image.dtype, image.shape) == (torch.uint8, (3, view.size, view.size))
    assert (map_.dtype, map_.shape) == (torch.float32, (view.size, view.size))
    red, green, blue = image.to(torch.int64)
    torch.testing.assert_close(red * 256 + green, map_.to(torch.int64))
    torch.testing.assert_close(blue, red ^ green)
    steps = green.diff(dim=1)
    assert (steps == steps[0, 0]).all()
    assert (red.diff(dim=0) == 1).all()
    return Cut(int(red[0, 0]), int(green.min()), bool(steps[0, 0] < 0))


@given(st.integers(0, 2**32))
def test_a_crop_is_the_same_of_photograph_and_map(seed: int) -> None:
    found = cut(View(224, train=True), seed)

    assert 0 <= found.top <= 32
    assert 0 <= found.left <= 32


def test_all_crops_come_and_every_other_one_is_mirrored() -> None:
    found = [cut(View(224, train=True), seed) for seed in range(400)]

    assert {one.top for one in found} == {one.left for one in found} == set(range(33))
    assert 150 < sum(one.mirrored for one in found) < 250
    assert abs(np.corrcoef([one.top for one in found], [one.left for one in found])[0, 1]) < 0.2


def test_a_crop_depends_on_the_generator_alone() -> None:
    first, second = (View(224, train=True)(ramp(), np.random.default_rng(7)) for _ in range(2))

    torch.testing.assert_close(first, second, rtol=0, atol=0)


@pytest.mark.parametrize("seed", range(3))
def test_to_judge_it_is_the_centre(seed: int) -> None:
    assert cut(View(224, train=False), seed) == Cut(16, 16, False)


@pytest.mark.parametrize(("size", "scaled"), [(32, 37), (64, 73), (112, 128), (224, 256), (448, 512)])
def test_another_size_sees_the_same_share_of_the_photograph(size: int, scaled: int) -> None:
    """Of a blob and of its map, the middle is where it was, as a share of the side."""
    rows, columns = np.mgrid[:256, :256]
    map_ = np.exp(-((rows - 90.0) ** 2 + (columns - 140.0) ** 2) / 800).astype(np.float32)
    image = np.rint(255 * map_).astype(np.uint8)[:, :, None].repeat(3, axis=2)
    view = View(size, train=False)

    seen, seen_map = view(sample(image, map_), np.random.default_rng(0))

    assert view.scaled == scaled
    border = (scaled - size) // 2
    for picture in (seen[0].double() / 255, seen_map.double()):
        assert float(picture.max()) == pytest.approx(1, abs=0.05)
        at = np.arange(size) + 0.5 + border
        total = float(picture.sum())
        middle = [float((picture.sum(axis).numpy() * at).sum() / total) * 256 / scaled for axis in (1, 0)]
        assert middle == pytest.approx([90.5, 140.5], abs=0.3)


@given(st.integers(0, 2**32), st.sampled_from([64, 112, 448]))
def test_a_scaled_map_goes_neither_below_nor_above_what_was_painted(seed: int, size: int) -> None:
    coarse = np.random.default_rng(seed).integers(0, 2, (32, 32)).astype(np.float32)
    map_ = np.kron(coarse, np.full((8, 8), 0.7, np.float32))

    _, seen = View(size, train=True)(
        sample(np.zeros((256, 256, 3), np.uint8), map_), np.random.default_rng(seed)
    )

    assert 0 <= float(seen.min()) <= float(seen.max()) <= np.float32(0.7) * (1 + 1e-6)


def test_no_map_is_a_map_of_zeros() -> None:
    image, map_ = View(64, train=True)(sample(ramp().image, None), np.random.default_rng(0))

    assert image.shape == (3, 64, 64)
    assert torch.equal(map_, torch.zeros(64, 64))
