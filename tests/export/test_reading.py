"""Every format read back by `clickme.export.read`: the same records, whatever the format."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clickme.export import read
from clickme.export.formats import Damaged
from clickme.export.options import Options
from clickme.export.record import Record
from clickme.export.service import export
from clickme.kit.house import House
from clickme.maps import Recipe
from made_up import Unheard, add_photographs, play

FORMATS = ("tfrecord", "webdataset", "parquet", "hdf5", "npz", "ndjson")
PICTURES = ("tfrecord", "webdataset", "parquet")


@pytest.fixture
def painted(house: House) -> House:
    """Eight photographs, three players each."""
    add_photographs(house, 8)
    play(house)
    return house


def records(house: House, out: Path, **options: Any) -> list[Record]:
    export(house, out, Options(**options), Unheard())
    return list(read(out))


def about(record: Record) -> tuple[Any, ...]:
    """Everything that every format has room for, but the map."""
    return (
        record.split,
        record.image_id,
        record.label,
        record.wnid,
        record.n_players,
        record.click_count,
        record.player,
        record.bbox,
    )


def assert_same_maps(found: Sequence[Record], exact: Sequence[Record], *, pictures: bool) -> None:
    for one, other in zip(found, exact, strict=True):
        assert one.heatmap is not None
        assert other.heatmap is not None
        assert one.heatmap.shape == (256, 256)
        peak = float(other.heatmap.max())
        off = np.abs(one.heatmap - other.heatmap).max()
        assert off <= peak * (1 / 510 + 1e-6 if pictures else 1e-7)


@pytest.mark.parametrize("per_player", [False, True])
def test_all_formats_give_the_same_records(painted: House, tmp_path: Path, per_player: bool) -> None:
    found = {name: records(painted, tmp_path / name, format=name, per_player=per_player) for name in FORMATS}

    exact = found["ndjson"]
    assert len(exact) == (24 if per_player else 8)
    for name in FORMATS:
        assert [about(record) for record in found[name]] == [about(record) for record in exact], name
        assert_same_maps(found[name], exact, pictures=name in PICTURES)
    images = [[record.image for record in found[name]] for name in PICTURES]
    assert images[0] == images[1] == images[2]
    assert None not in images[0]


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(map="count", box=18, blur="none"),
        Recipe(map="point", blur="disk"),
        Recipe(kernel=21, sigma=5.0),
    ],
)
def test_the_recipe_is_read_back(painted: House, tmp_path: Path, recipe: Recipe) -> None:
    exact = records(painted, tmp_path / "strokes", format="ndjson", recipe=recipe)

    for name in ("tfrecord", "hdf5", "npz"):
        found = records(painted, tmp_path / name, format=name, recipe=recipe)
        assert_same_maps(found, exact, pictures=name in PICTURES)


@pytest.mark.parametrize("scale", [1, 255])
def test_the_raw_schema_has_the_exact_map(painted: House, tmp_path: Path, scale: int) -> None:
    raw = records(painted, tmp_path / "raw", schema="raw", image_scale=scale)

    assert_same_maps(raw, records(painted, tmp_path / "ndjson", format="ndjson"), pictures=False)


@pytest.mark.parametrize("name", PICTURES)
def test_photographs_can_stay_at_home(painted: House, tmp_path: Path, name: str) -> None:
    found = records(painted, tmp_path / name, format=name, images="none")

    assert [record.image for record in found] == [None] * 8


def test_one_split_can_be_read_alone_and_one_export_need_not_be_split(painted: House, tmp_path: Path) -> None:
    everything = records(painted, tmp_path / "split")
    whole = records(painted, tmp_path / "whole", split_by="none")

    for split in ("train", "validation", "test"):
        alone = [about(record) for record in read(tmp_path / "split", split)]
        assert alone == [about(record) for record in everything if record.split == split]
    assert {record.split for record in whole} == {"full"}
    assert {record.image_id for record in whole} == {record.image_id for record in everything}


def test_a_damaged_data_set_names_the_file(painted: House, tmp_path: Path) -> None:
    records(painted, tmp_path / "out")
    (shard, *_) = sorted((tmp_path / "out").glob("*train*"))
    whole = shard.read_bytes()

    shard.write_bytes(whole[:-1])
    with pytest.raises(Damaged, match=shard.name):
        list(read(tmp_path / "out"))
    shard.write_bytes(b"")
    with pytest.raises(Damaged, match=f"{shard.name} holds 0 records"):
        list(read(tmp_path / "out"))
    shard.unlink()
    with pytest.raises(Damaged, match=f"{shard.name} cannot be read"):
        list(read(tmp_path / "out"))


def test_a_folder_without_a_finished_data_set_says_so(tmp_path: Path) -> None:
    with pytest.raises(Damaged, match="no finished data set"):
        list(read(tmp_path))
