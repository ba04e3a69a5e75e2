"""What holds for every format: records come back, bytes are always the same, and trouble has a name."""

import errno
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clickme.export.formats import Damaged, Format
from clickme.export.formats.known import FORMATS, format_of
from clickme.export.formats.raw import RawTFRecord
from clickme.export.record import Record
from export.formats.made import (
    OF_MAPS,
    OF_STROKES,
    PICTURES,
    Disk,
    called,
    files,
    read,
    said,
    stroke_said,
    three,
    written,
)

ALL = OF_MAPS + OF_STROKES
every_format = pytest.mark.parametrize("known", ALL, ids=called)


@pytest.mark.parametrize("known", OF_MAPS, ids=called)
@settings(max_examples=25, deadline=None)
@given(found=files)
def test_maps_come_back(known: Format, found: list[Record]) -> None:
    back = read(known, written(known, found))

    images = known.has_images and not isinstance(known, RawTFRecord)
    expected = [said(whole if images else replace(whole, image=None)) for whole in found]
    assert [said(whole) for whole in back] == expected
    for whole, again in zip(found, back, strict=True):
        assert whole.heatmap is not None
        assert again.heatmap is not None
        assert again.heatmap.dtype == np.float32
        if isinstance(known, PICTURES):
            half_a_level = whole.heatmap.max() * (1 / 510 + 2e-7)  # and what float32 rounds
            np.testing.assert_allclose(again.heatmap, whole.heatmap, rtol=0, atol=half_a_level)
        else:
            np.testing.assert_array_equal(again.heatmap, whole.heatmap.astype(np.float32))


@pytest.mark.parametrize("known", OF_STROKES, ids=called)
@settings(max_examples=50, deadline=None)
@given(found=files)
def test_strokes_come_back(known: Format, found: list[Record]) -> None:
    back = read(known, written(known, found))

    paths = dict.fromkeys(whole.image_id for whole in found)
    together = {path: [whole for whole in found if whole.image_id == path] for path in paths}
    assert [whole.image_id for whole in back] == list(paths)
    for again in back:
        whole, *_ = of_it = together[again.image_id]
        painted = [stroke for one in of_it for stroke in one.strokes]
        assert [stroke_said(stroke) for stroke in again.strokes] == [
            stroke_said(stroke) for stroke in painted
        ]
        assert all(stroke.xyt.dtype == np.int16 for stroke in again.strokes)
        clicks = sum(len(stroke.xyt) for stroke in painted)
        counted = {"n_players": len(painted), "click_count": clicks}
        nothing = {"bbox": None, "heatmap": None, "image": None, "player": None}
        assert said(again) == {**said(whole), **counted, **nothing}


@every_format
@settings(max_examples=10, deadline=None)
@given(found=files)
def test_equal_records_give_equal_bytes(known: Format, found: list[Record]) -> None:
    assert written(known, found) == written(known, found)


@every_format
def test_a_file_without_records(known: Format) -> None:
    assert read(known, written(known, [])) == []


@every_format
@settings(max_examples=30, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_never_taken_for_a_whole_one(known: Format, share: float) -> None:
    """But TFRecord and NDJSON have no end: cut between records nothing is missing in them."""
    data = written(known, three())
    try:
        back = read(known, data[: int(share * len(data))])
    except Damaged:
        return

    assert [said(whole) for whole in back] == [said(whole) for whole in read(known, data)][: len(back)]
    if known.name == "webdataset":
        assert len(back) == 3  # all that is missing are zeros after the end
    else:
        assert known.name in ("tfrecord", "ndjson")


@every_format
@settings(max_examples=60, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True), byte=st.integers(1, 255))
def test_a_changed_byte_is_damage_or_does_no_harm(known: Format, share: float, byte: int) -> None:
    data = bytearray(written(known, three()))
    data[int(share * len(data))] ^= byte

    try:
        back = read(known, bytes(data))
    except Damaged as damaged:
        assert str(damaged)
    else:
        assert all(isinstance(whole, Record) for whole in back)


@every_format
@pytest.mark.parametrize("other", ALL, ids=called)
def test_files_of_another_format_are_refused(known: Format, other: Format) -> None:
    if known is not other:
        with pytest.raises(Damaged):
            read(known, written(other, three()))


@every_format
@given(data=st.binary(min_size=1, max_size=2000))
def test_any_bytes_are_refused(known: Format, data: bytes) -> None:
    with pytest.raises(Damaged):
        read(known, data)


@every_format
@pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.9, 0.99999])
def test_a_full_disk_is_an_oserror(known: Format, share: float) -> None:
    """At the beginning, in the middle, and when the file is closed."""
    room = int(share * len(written(known, three())))

    with pytest.raises(OSError) as raised:
        known.write(Disk(room), three())

    assert raised.value.errno == errno.ENOSPC


@every_format
def test_trouble_with_a_record_comes_through(known: Format) -> None:
    class Missing(Exception):
        pass

    def some() -> Iterator[Record]:
        yield three()[0]
        raise Missing

    with pytest.raises(Missing):
        known.write(Disk(10**9), some())


def test_names_of_files() -> None:
    names = [known.file_name("validation", 2, 31) for known in (*FORMATS.values(), RawTFRecord())]

    assert names == [
        "clickme-validation.tfrecord-00002-of-00031",
        "clickme-validation-000002.tar",
        "data/validation-00002-of-00031.parquet",
        "clickme-validation-00002-of-00031.h5",
        "clickme-validation-00002-of-00031.npz",
        "clickme-validation-00002-of-00031.ndjson",
        "validation-00002-of-00031",
    ]


def test_formats_are_known_by_their_names() -> None:
    assert {name: known.name for name, known in FORMATS.items()} == {name: name for name in FORMATS}
    assert format_of("hdf5") is FORMATS["hdf5"]
    assert format_of("tfrecord", "raw", 255.0) == RawTFRecord(image_scale=255)
    assert format_of("tfrecord", "raw", None) == RawTFRecord(image_scale=1)
    with pytest.raises(Damaged, match="lmdb"):
        format_of("lmdb")


def test_heavy_libraries_wait_until_they_are_used() -> None:
    code = "import sys, clickme.export.formats.known; print({'pyarrow', 'h5py'} & sys.modules.keys())"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout == "set()\n"
