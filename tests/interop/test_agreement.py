"""Every format says the same of every photograph, whoever reads it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from interop import readers
from interop.readers import Everything, blurred, by_photograph, sharp

PICTURES: dict[str, tuple[Callable[[Path], Everything], str]] = {
    "tfds": (readers.tfds, "tfrecord"),
    "webdataset": (readers.webdataset, "webdataset"),
    "datasets on webdataset": (readers.hugging_face_webdataset, "webdataset"),
    "datasets on parquet": (readers.hugging_face, "parquet"),
    "datasets without photographs": (readers.hugging_face, "parquet-no-images"),
    "mlcroissant on parquet": (readers.croissant, "parquet"),
}


@pytest.fixture(scope="module")
def maps(exports: Path) -> Everything:
    """The exact ones."""
    return readers.clickme_2_maps(exports / "hdf5")


@pytest.mark.parametrize("reader", PICTURES)
def test_pictures_are_the_exact_maps_rounded(exports: Path, maps: Everything, reader: str) -> None:
    read, name = PICTURES[reader]

    found = read(exports / name)

    assert found.keys() == maps.keys()
    for image_id, exact in maps.items():
        each = found[image_id]
        assert (each.split, each.label, each.click_count) == (exact.split, exact.label, exact.click_count)
        assert each.heatmap.dtype == np.uint8
        assert each.heatmap.shape == (256, 256)
        assert each.heatmap.max() == 255
        scaled = exact.heatmap.astype(np.float64) / exact.heatmap.max() * 255
        assert_rounded(each.heatmap, scaled)


def assert_rounded(grey: NDArray[np.uint8], scaled: NDArray[np.float64]) -> None:
    """Rounded to the nearest. Kept as float32, a value may come to lie on the other side of a half."""
    assert (abs(grey - scaled) <= 0.5 + 255 * np.finfo(np.float32).eps).all()
    clear = abs(scaled - np.floor(scaled) - 0.5) > 255 * np.finfo(np.float32).eps
    assert np.array_equal(grey[clear], np.rint(scaled[clear]))


def test_pictures_are_the_same_pixels(exports: Path) -> None:
    first = readers.tfds(exports / "tfrecord")
    seen = readers.hugging_face(exports / "parquet")
    others = readers.webdataset(exports / "webdataset"), readers.croissant(exports / "parquet")

    for image_id, expected in seen.items():
        assert expected.image is not None
        assert expected.image.shape == (256, 256, 3)
        np.testing.assert_array_equal(first[image_id].heatmap, expected.heatmap)
        for other in others:
            np.testing.assert_array_equal(other[image_id].heatmap, expected.heatmap)
            np.testing.assert_array_equal(other[image_id].image, expected.image)


def test_raw_floats_are_the_exact_maps(exports: Path, maps: Everything) -> None:
    found = readers.tfds(exports / "raw-255")

    assert found.keys() == maps.keys()
    assert all(np.array_equal(found[image_id].heatmap, exact.heatmap) for image_id, exact in maps.items())


@pytest.mark.parametrize("format_", ["npz", "ndjson"])
def test_maps_are_rebuilt_from_strokes(exports: Path, maps: Everything, format_: str) -> None:
    read = {"npz": readers.npz, "ndjson": readers.ndjson}[format_]

    strokes = by_photograph(read(exports / format_))

    assert strokes.keys() == maps.keys()
    for image_id, exact in maps.items():
        rounds = strokes[image_id]
        assert {(played.split, played.label) for played in rounds} == {(exact.split, exact.label)}
        assert sum(len(played.xy) for played in rounds) == exact.click_count
        np.testing.assert_allclose(exact.heatmap, blurred(sharp(rounds)), rtol=0, atol=1e-6)


def test_strokes_are_the_same_in_both_formats(exports: Path) -> None:
    def plain(rounds: list[readers.Round]) -> list[tuple[object, ...]]:
        return [
            (each.split, each.image_id, each.label, each.player, each.touch, each.xy.tolist())
            for each in rounds
        ]

    rounds = readers.npz(exports / "npz")

    assert plain(rounds) == plain(readers.ndjson(exports / "ndjson"))
    assert {each.touch for each in rounds} == {True, False}
