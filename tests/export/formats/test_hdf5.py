"""HDF5, opened by h5py as those open it who read the ClickMe 2 pipeline's output."""

import io
from dataclasses import replace

import h5py
import numpy as np
import pytest

from clickme.export.formats import Damaged
from clickme.export.formats.hdf5 import HDF5
from clickme.export.record import Record
from export.formats.made import heatmap, per_player, read, three, written


def opened(records: list[Record]) -> h5py.File:
    return h5py.File(io.BytesIO(written(HDF5(), records)), "r")


def test_the_layout_of_clickme_2() -> None:
    with opened(three()) as file:
        name = "n01440764/n01440764_3.JPEG".replace("/", "_")
        map_ = file["clickmaps"][name]["clickmap"]
        assert (map_.shape, map_.dtype) == ((1, 256, 256), np.float32)
        np.testing.assert_array_equal(map_[0], heatmap(3, 0.5).astype(np.float32))
        assert file["click_counts"][name][()] == 6
        assert file["click_counts"][name].dtype == np.int64
        assert dict(file["metadata"].attrs) == {
            "total_unique_images": 3,
            "total_maps": 6,
            "filter_duplicates": b"True",
        }


def test_what_else_is_known_of_a_photograph() -> None:
    with opened(per_player(three())) as file:
        values = dict(file["clickmaps/n01440764_n01440764_3.JPEG_player1"].attrs)

    assert values.pop("bbox").tolist() == [83, 93, 112, 128]
    assert values == {
        "image_id": b"n01440764/n01440764_3.JPEG",
        "label": 0,
        "wnid": b"n01440764",
        "n_players": 1,
        "click_count": 3,
        "player": 1,
    }


def test_groups_are_in_the_order_of_the_records() -> None:
    with opened(three()) as file:
        assert list(file["clickmaps"]) == [f"n01440764_n01440764_{number}.JPEG" for number in (3, 1, 2)]


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/b", "a_b", "a_b_2"], ["a_b", "a_b_2", "a_b_2_2"]),
        ([".", "_."], ["._2", "_."]),
        (["a", "a"], ["a", "a_2"]),
    ],
)
def test_names_that_would_be_the_same_get_a_number(paths: list[str], names: list[str]) -> None:
    records = [replace(three()[0], image_id=path, label=label) for label, path in enumerate(paths)]

    with opened(records) as file:
        assert list(file["clickmaps"]) == names
        assert sorted(file["click_counts"]) == sorted(names)
        assert file["metadata"].attrs["total_unique_images"] == len(set(paths))
    back = read(HDF5(), written(HDF5(), records))
    assert [(record.image_id, record.label) for record in back] == [(p, n) for n, p in enumerate(paths)]


def test_a_photograph_s_players_are_one_image_and_many_maps() -> None:
    with opened(per_player(three())) as file:
        assert len(file["clickmaps"]) == 6
        assert file["metadata"].attrs["total_unique_images"] == 3
        assert file["metadata"].attrs["total_maps"] == 6


def test_nothing_tells_when_it_was_made() -> None:
    def times(thing: h5py.HLObject) -> set[int]:
        about = h5py.h5o.get_info(thing.id)
        return {about.atime, about.mtime, about.ctime, about.btime}

    found: set[int] = set()
    with opened(three()) as file:
        found |= times(file)
        file.visititems(lambda _, thing: found.update(times(thing)))

    assert found == {0}


def test_everything_that_can_change_has_a_checksum() -> None:
    """Strings of variable length lie in a global heap, which has none."""
    assert b"GCOL" not in written(HDF5(), three())


def test_a_file_of_another_layout_is_refused() -> None:
    file = io.BytesIO()
    with h5py.File(file, "w") as other:
        other.create_group("clickmaps").create_group("a")["clickmap"] = np.zeros((1, 256, 256))

    with pytest.raises(Damaged, match="bbox"):
        read(HDF5(), file.getvalue())
