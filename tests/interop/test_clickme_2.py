"""The files of ClickMe 2: clicks as its pipeline reads them, and the layout that it writes maps in."""

from pathlib import Path

import h5py
import numpy as np

from interop.readers import SPLITS, by_photograph, clickme_2_clicks, npz


def test_the_pipeline_reads_the_clicks_of_all_but_mobiles(exports: Path) -> None:
    [place] = (exports / "npz").glob("clickme-train-*.npz")

    clicks = clickme_2_clicks(place)

    rounds = by_photograph(
        [played for played in npz(exports / "npz") if played.split == "train" and not played.touch]
    )
    assert clicks.keys() == rounds.keys()
    for image_id, players in clicks.items():
        expected = [played.xy.T.tolist() for played in rounds[image_id]]
        assert [[list(x), list(y)] for x, y in players] == expected


def test_maps_lie_in_the_layout_that_it_writes(exports: Path) -> None:
    for split in SPLITS:
        [place] = (exports / "hdf5").glob(f"clickme-{split}-*.h5")
        with h5py.File(place) as file:
            names = set(file["clickmaps"])
            assert names == set(file["click_counts"])
            assert all("/" not in name and "_" in name for name in names)
            for name in names:
                clickmap = file[f"clickmaps/{name}/clickmap"]
                assert (clickmap.dtype, clickmap.shape) == (np.float32, (1, 256, 256))
                assert file[f"click_counts/{name}"][()] > 0
            about = file["metadata"].attrs
            assert about["total_unique_images"] == len(names)
            assert about["total_maps"] >= len(names)
            assert about["filter_duplicates"] == b"True"
