"""NPZ, read by numpy.load step by step as the ClickMe 2 pipeline reads it, and safely by us."""

import io
import os
import pickle
import zipfile
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clickme.export.formats import Damaged
from clickme.export.formats.npz import NPZ
from clickme.export.record import Record
from export.formats.made import read, said, stroke_said, three, written


def loaded(records: list[Record]) -> dict[str, NDArray[Any]]:
    with np.load(io.BytesIO(written(NPZ(), records)), allow_pickle=True) as arrays:
        return dict(arrays)


@pytest.mark.parametrize("filter_mobile", [False, True])
def test_the_pipeline_s_steps(filter_mobile: bool) -> None:
    data = loaded(three())

    is_mobile = np.asarray([mobile[0] if len(mobile) else False for mobile in data["is_mobile"]])
    keep = data["user_catch_trial"] >= 0.95
    if filter_mobile:
        keep = keep & ~is_mobile
    x, y = data["clickmap_x"][keep], data["clickmap_y"][keep]
    clicks = [list(zip(*both, strict=True)) for both in zip(x, y, strict=True)]

    expected = [
        (record.image_id, stroke.player, [tuple(bubble) for bubble in stroke.bubbles.tolist()])
        for record in three()
        for stroke in record.strokes
        if not (filter_mobile and stroke.pointer == "touch")
    ]
    found = zip(data["file_pointer"][keep], data["user_id"][keep], clicks, strict=True)
    assert list(found) == expected


def test_arrays_and_their_types() -> None:
    data = loaded(three())

    assert all(array.shape == (6,) for array in data.values())
    assert {name: array.dtype for name, array in data.items() if array.dtype != object} == {
        "label": np.int64,
        "user_id": np.int64,
        "user_catch_trial": np.float64,
    }
    assert type(data["clickmap_x"][0]) is list
    assert type(data["clickmap_x"][0][0]) is int
    assert data["clickmap_t"][0] == [0, 50, 101]
    assert data["is_mobile"].tolist() == [[False], [True]] * 3
    assert data["recognised_ms"].tolist() == [1234, None] * 3


def test_lists_of_one_length_stay_lists() -> None:
    """numpy.array would make a table of them."""
    assert loaded(three()[:1])["clickmap_x"].shape == (2,)


def test_numpy_1_knows_the_names_in_the_pickles() -> None:
    with zipfile.ZipFile(io.BytesIO(written(NPZ(), three()))) as archive:
        pickled = archive.read("clickmap_x.npy")

    assert b"numpy.core.multiarray" in pickled
    assert b"numpy._core" not in pickled


def test_what_numpy_saved_again_is_read() -> None:
    again = io.BytesIO()
    np.savez(again, **loaded(three()))  # type: ignore[arg-type]

    back, expected = read(NPZ(), again.getvalue()), read(NPZ(), written(NPZ(), three()))

    assert [said(record) for record in back] == [said(record) for record in expected]
    assert [[stroke_said(stroke) for stroke in record.strokes] for record in back] == [
        [stroke_said(stroke) for stroke in record.strokes] for record in expected
    ]


def test_nothing_tells_when_or_where_it_was_made() -> None:
    with zipfile.ZipFile(io.BytesIO(written(NPZ(), three()))) as archive:
        about = {(member.date_time, member.create_system) for member in archive.infolist()}

    assert about == {((1980, 1, 1, 0, 0, 0), 3)}


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("exit 1",)


def with_member(name: str, data: bytes) -> bytes:
    """A file of ours in which one member is another."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(written(NPZ(), three()))) as old, zipfile.ZipFile(changed, "w") as new:
        for member in old.namelist():
            new.writestr(member, data if member == name else old.read(member))
    return changed.getvalue()


def npy(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_a_pickle_that_runs_a_program_is_refused() -> None:
    evil = np.empty(6, dtype=object)
    evil[:] = [Evil() for _ in range(6)]

    with pytest.raises(Damaged, match="system"):
        read(NPZ(), with_member("clickmap_x.npy", npy(evil)))


@pytest.mark.parametrize("name", [b"cbuiltins\neval\n", b"cnumpy\nload\n", b"cclickme.cli\nmain\n"])
def test_whatever_a_list_of_clicks_does_not_need_is_refused(name: bytes) -> None:
    head = npy(np.empty(6, dtype=object)).partition(b"\x80")[0]

    with pytest.raises(Damaged, match="which no list of clicks needs"):
        read(NPZ(), with_member("clickmap_x.npy", head + b"\x80\x03" + name + b"."))


@given(noise=st.binary(max_size=200))
def test_a_pickle_of_noise_is_damage(noise: bytes) -> None:
    head, _, rest = npy(np.array([None] * 6, dtype=object)).partition(b"\x80")

    with pytest.raises(Damaged):
        read(NPZ(), with_member("clickmap_x.npy", head + noise + rest[len(noise) :]))


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((6, 2), dtype=np.int64),
        np.array([None] * 6, dtype=object),
        np.zeros(6),
        np.array([1, 2], dtype=object),
        np.array(7),
    ],
    ids=["pairs", "nothing", "floats", "too few", "one"],
)
def test_arrays_of_another_shape_or_type_are_refused(array: NDArray[Any]) -> None:
    for name in ("clickmap_x", "label"):
        with pytest.raises(Damaged):
            read(NPZ(), with_member(f"{name}.npy", npy(array)))


def test_a_list_out_of_range_is_said_with_its_row() -> None:
    clicks = np.empty(6, dtype=object)
    clicks[:] = [pickle.loads(pickle.dumps([1, 2, 3])) for _ in range(6)]  # noqa: S301
    clicks[4] = [1, 2, 70_000]

    with pytest.raises(Damaged, match="row 4"):
        read(NPZ(), with_member("clickmap_x.npy", npy(clicks)))
