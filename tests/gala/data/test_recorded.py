"""Exports as photographs to train on, in each format that has photographs."""

import io
import operator
import pickle
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from clickme.export.formats import Damaged
from clickme.export.formats.example import encode_example, write_record
from clickme.export.formats.tfrecord import TFRecord
from clickme.export.record import Record
from clickme.kit.problems import Problem
from clickme.maps import Reliability
from clickme_gala.data import Sample, open_data
from export.beside.made import RELIABILITY
from gala.made import data_set, export, jpeg, records

FORMATS = ("tfrecord", "webdataset", "parquet")
every = pytest.mark.parametrize("format_", FORMATS)

MADE = records("train", 12, 5)


@pytest.fixture(scope="module", params=FORMATS)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve photographs in one file."""
    return export(tmp_path_factory.mktemp("whole"), MADE, format=request.param)


def shard_of(folder: Path) -> Path:
    (found,) = (place for place in folder.rglob("*train*") if place.is_file())
    return found


def assert_is(sample: Sample, record: Record) -> None:
    assert record.image is not None
    assert record.heatmap is not None
    assert sample.map is not None
    np.testing.assert_array_equal(sample.image, np.asarray(Image.open(io.BytesIO(record.image))))
    assert sample.image.dtype == np.uint8
    assert sample.image.shape == (256, 256, 3)
    assert sample.map.dtype == np.float32
    assert sample.map.shape == (256, 256)
    assert np.abs(sample.map - record.heatmap).max() <= record.heatmap.max() * (1 / 510 + 1e-6)
    assert (sample.image_id, sample.label, sample.n_players) == (
        record.image_id,
        record.label,
        record.n_players,
    )


def problem(open_: Callable[[], Any]) -> Problem:
    with pytest.raises(Problem) as raised:
        open_()
    return raised.value


def test_every_record_is_a_sample_in_whatever_order_it_is_asked_for(whole: Path) -> None:
    photographs = open_data(whole, "train")

    assert len(photographs) == 12
    for number in (5, 0, 11, 5, 3):
        assert_is(photographs[number], MADE[number])
        assert photographs[number].name == f"record {number} of {shard_of(whole).relative_to(whole)}"
    assert (photographs.with_maps, photographs.classes, list(photographs.left_out)) == (12, 5, [])


def test_another_process_can_have_them(whole: Path) -> None:
    photographs = open_data(whole, "train")

    assert_is(pickle.loads(pickle.dumps(photographs))[7], MADE[7])  # noqa: S301


def test_a_process_that_begins_anew_can_have_them(tmp_path: Path) -> None:
    photographs = open_data(export(tmp_path, MADE), "train")

    with get_context("spawn").Pool(1) as pool:
        sample = pool.apply(operator.getitem, (photographs, 7))
    assert_is(cast(Sample, sample), MADE[7])


@every
def test_splits_and_shards(tmp_path: Path, format_: str) -> None:
    data_set(
        tmp_path,
        format=format_,
        photographs={"train": 11, "validation": 3, "test": 2},
        classes=4,
        per_shard=4,
    )

    found = {split: open_data(tmp_path, split) for split in ("train", "validation", "test")}

    ids = {
        split: [photographs[n].image_id for n in range(len(photographs))]
        for split, photographs in found.items()
    }
    assert ids == {
        split: [record.image_id for record in records(split, number, 4)]
        for split, number in {"train": 11, "validation": 3, "test": 2}.items()
    }
    assert found["train"][10].name.startswith("record 2 of ")


@pytest.mark.parametrize("reliability", [RELIABILITY, replace(RELIABILITY, ceiling=None), None])
def test_how_far_people_agree_comes_with_them(tmp_path: Path, reliability: Reliability | None) -> None:
    assert open_data(export(tmp_path, MADE, reliability=reliability), "train").reliability == reliability


def test_boxes_are_one_inside_of_what_was_painted(whole: Path) -> None:
    photographs = open_data(whole, "train", annotation="boxes")

    for number, record in enumerate(MADE):
        box = photographs[number].map
        assert box is not None
        assert record.bbox is not None
        y0, x0, y1, x1 = record.bbox
        assert box.dtype == np.float32
        assert box[y0, x0] == box[y1 - 1, x1 - 1] == 1
        assert box.sum() == (y1 - y0) * (x1 - x0)


@settings(max_examples=40)
@given(st.data())
def test_of_a_file_cut_anywhere_the_first_records_are_left(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    shard = shard_of(whole)
    content = shard.read_bytes()
    damaged = tmp_path_factory.mktemp("cut")
    for file in whole.glob("*.json"):
        (damaged / file.name).write_bytes(file.read_bytes())
    cut = damaged / shard.relative_to(whole)
    cut.parent.mkdir(exist_ok=True)
    cut.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])

    try:
        photographs = open_data(damaged, "train")
    except Problem as nothing_left:
        assert nothing_left.code == "no_records"
        return
    for number in range(len(photographs)):
        assert_is(photographs[number], MADE[number])
    assert (len(photographs) == 12) == (not photographs.left_out)
    assert photographs.unreadable == 12 - len(photographs)


@settings(max_examples=40)
@given(at=st.floats(0, 1, exclude_max=True))
def test_a_changed_byte_costs_a_record_and_never_goes_unseen(
    tmp_path_factory: pytest.TempPathFactory, at: float
) -> None:
    folder = export(tmp_path_factory.mktemp("changed"), MADE)
    shard = shard_of(folder)
    content = bytearray(shard.read_bytes())
    content[int(at * len(content))] ^= 1
    shard.write_bytes(content)

    try:
        photographs = open_data(folder, "train")
    except Problem as nothing_left:  # the length of the first
        assert nothing_left.code == "no_records"
        return
    known = {record.image_id: record for record in MADE}
    for number in range(len(photographs)):
        assert_is(photographs[number], known[photographs[number].image_id])
    assert len(photographs) == 12 - photographs.unreadable < 12
    assert photographs.left_out


def test_a_changed_record_is_named_and_those_after_it_are_kept(tmp_path: Path) -> None:
    shard = shard_of(export(tmp_path, MADE))
    shard.write_bytes(shard.read_bytes().replace(b"\xff\xd8\xff", b"\xff\xd8\xfe", 1))

    photographs = open_data(tmp_path, "train")

    (said,) = photographs.left_out
    assert said.startswith(f"record 0 of {shard.name} is truncated or was changed")
    assert photographs[0].name == f"record 1 of {shard.name}"
    assert_is(photographs[0], MADE[1])


def test_a_length_that_was_changed_costs_the_rest_of_the_file(tmp_path: Path) -> None:
    shard = shard_of(export(tmp_path, MADE))
    content = shard.read_bytes()
    second = 12 + int.from_bytes(content[:8], "little") + 4
    shard.write_bytes(content[:second] + b"\1" + content[second + 1 :])

    photographs = open_data(tmp_path, "train")

    assert len(photographs) == 1
    (said,) = photographs.left_out
    assert said.startswith(f"11 of 12 records of {shard.name}: at byte {second} there is no whole record")


def test_a_changed_parquet_page_costs_its_row_group(tmp_path: Path) -> None:
    shard = shard_of(export(tmp_path, MADE, format="parquet"))
    shard.write_bytes(shard.read_bytes().replace(b"\xff\xd8\xff", b"\xff\xd8\xfe", 1))

    assert problem(lambda: open_data(tmp_path, "train")).code == "no_records"


def test_files_that_are_missing_or_empty_are_counted(tmp_path: Path) -> None:
    export(tmp_path, MADE, per_shard=4)
    first, _, third = sorted(tmp_path.glob("*train*"))
    first.unlink()
    third.write_bytes(b"")

    photographs = open_data(tmp_path, "train")

    assert_is(photographs[0], MADE[4])
    assert list(photographs.left_out) == [
        f"4 of 4 records of {first.name}: No such file or directory",
        f"4 of 4 records of {third.name}: the file ends before them",
    ]
    assert photographs.unreadable == 8


@every
@pytest.mark.parametrize(
    ("unfit", "complaint"),
    [
        (replace(MADE[3], image=None), "has no photograph"),
        (replace(MADE[3], label=1203), "has the label 1203, and classes go from 0 to 999"),
        (replace(MADE[3], heatmap=np.ones((128, 128))), "is not one of this"),
    ],
)
def test_records_that_teach_nothing_are_named(
    tmp_path: Path, format_: str, unfit: Record, complaint: str
) -> None:
    shard = shard_of(export(tmp_path, [*MADE[:3], unfit, *MADE[4:]], format=format_, has_images=True))

    photographs = open_data(tmp_path, "train")

    (sentence,) = photographs.left_out
    assert sentence.startswith(f"record 3 of {shard.relative_to(tmp_path)} {complaint}")
    assert photographs.unreadable == 1
    assert_is(photographs[3], MADE[4])


def test_a_record_of_another_schema_is_named(tmp_path: Path) -> None:
    shard = shard_of(export(tmp_path, MADE))
    features = TFRecord().features(MADE[0])
    del features["heatmap"]
    with shard.open("wb") as file:
        write_record(file, encode_example(features))
        write_record(file, b"no example")
        TFRecord().write(file, MADE[2:])

    photographs = open_data(tmp_path, "train")

    assert len(photographs) == 10
    assert [said.partition(":")[0] for said in photographs.left_out] == [
        f"record {number} of {shard.name} is not one of this schema" for number in (0, 1)
    ]


@every
@pytest.mark.parametrize("photograph", [b"\xff\xd8\xff", jpeg(np.zeros((256, 255, 3), np.uint8)), b""])
def test_a_photograph_that_cannot_be_decoded_is_named_when_it_is_its_turn(
    tmp_path: Path, format_: str, photograph: bytes
) -> None:
    photographs = open_data(
        export(tmp_path, [MADE[0], replace(MADE[1], image=photograph)], format=format_), "train"
    )

    assert_is(photographs[0], MADE[0])
    with pytest.raises(Damaged, match=r"^the photograph of record 1 of .*train"):
        photographs[1]


def test_a_grey_photograph_has_three_channels(tmp_path: Path) -> None:
    grey = io.BytesIO()
    Image.new("L", (256, 256), 77).save(grey, "JPEG")

    photographs = open_data(export(tmp_path, [replace(MADE[0], image=grey.getvalue())]), "train")

    assert (photographs[0].image == 77).all()
    assert photographs[0].image.shape == (256, 256, 3)


def test_what_changes_after_it_was_opened_is_named(whole: Path, tmp_path: Path) -> None:
    folder = export(tmp_path, MADE)
    shard = shard_of(folder)
    photographs = open_data(folder, "train")

    shard.write_bytes(bytes(len(shard.read_bytes())))
    with pytest.raises(Damaged, match=f"^record 2 of {shard.name} "):
        photographs[2]
    shard.unlink()
    with pytest.raises(Damaged, match=f"^record 2 of {shard.name} cannot be read: No such file"):
        photographs[2]


@pytest.mark.parametrize("format_", ["hdf5", "npz", "ndjson"])
def test_formats_without_photographs_say_which_have_them(tmp_path: Path, format_: str) -> None:
    found = problem(lambda: open_data(export(tmp_path, MADE, format=format_), "train"))

    assert found.code == "no_photographs"
    assert "tfrecord, webdataset or parquet" in found.message


def test_the_raw_schema_and_exports_without_photographs_say_what_to_do(tmp_path: Path) -> None:
    raw = problem(lambda: open_data(export(tmp_path / "raw", MADE, schema="raw"), "train"))
    bare = [replace(record, image=None) for record in MADE]
    none = problem(lambda: open_data(export(tmp_path / "none", bare), "train"))

    assert (raw.code, none.code) == ("no_photographs", "no_photographs")
    assert "--schema default" in raw.message
    assert "--images none" in none.message


def test_maps_of_single_players_are_refused(tmp_path: Path) -> None:
    found = problem(lambda: open_data(export(tmp_path, MADE, per_player=True), "train"))

    assert found.code == "per_player"


def test_a_split_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    data_set(tmp_path, photographs={"train": 2, "test": 1}, classes=2)

    found = problem(lambda: open_data(tmp_path, "validation"))

    assert found.code == "no_split"
    assert found.message.endswith("it has these: train, test.")


def test_a_folder_that_is_no_data_set_says_so(tmp_path: Path) -> None:
    assert problem(lambda: open_data(tmp_path, "train")).code == "no_data_set"
    assert problem(lambda: open_data(tmp_path / "absent", "train")).code == "no_data_set"
    (tmp_path / "dataset_info.json").write_text("{}")
    assert problem(lambda: open_data(tmp_path, "train")).code == "no_data_set"


def test_an_export_has_maps_of_its_own(whole: Path) -> None:
    assert problem(lambda: open_data(whole, "train", maps=whole)).code == "maps_twice"
