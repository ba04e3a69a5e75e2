"""Records made up by hypothesis, what can be compared of them, and files that cannot be written."""

import errno
import io
from copy import deepcopy
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from clickme.export.formats import Format
from clickme.export.formats.hdf5 import HDF5
from clickme.export.formats.ndjson import NDJSON
from clickme.export.formats.npz import NPZ
from clickme.export.formats.parquet import Parquet
from clickme.export.formats.raw import RawTFRecord
from clickme.export.formats.tfrecord import TFRecord
from clickme.export.formats.webdataset import WebDataset
from clickme.export.record import Record, Stroke

OF_MAPS: list[Format] = [TFRecord(), RawTFRecord(), WebDataset(), Parquet(), HDF5()]
OF_STROKES: list[Format] = [NPZ(), NDJSON()]
PICTURES = (TFRecord, WebDataset, Parquet)  # formats that hold maps as pictures of 256 grey levels


def called(known: Format) -> str:
    return type(known).__name__


@cache
def jpeg(red: int) -> bytes:
    pixels = np.full((256, 256, 3), (red, 80, 40), dtype=np.uint8)
    pixels[64:128, 32:200, 1] = 220
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


def heatmap(seed: int, peak: float) -> NDArray[np.float64]:
    """[256, 256] of squares of 32 px, one of them as high as `peak`."""
    coarse = np.random.default_rng(seed).random((8, 8))
    return np.kron(coarse / coarse.max() * peak, np.ones((32, 32)))


# Whatever text Postgres keeps: no NUL and no half of a surrogate pair.
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)
likely_ids = st.sampled_from(["n01440764/n01440764_10026.JPEG", "n01440764/n01440764_10027.JPEG"])
odd_ids = st.text("ab/_.% 'ä\"\\\n@0", min_size=1, max_size=8)
image_ids = likely_ids | odd_ids | texts
counts = st.integers(0, 2**40)
side = st.integers(0, 255)

strokes = st.builds(
    Stroke,
    player=counts,
    xyt=st.lists(st.tuples(side, side, st.integers(0, 6999)), max_size=5).map(
        lambda bubbles: np.array(bubbles, dtype=np.int16).reshape(-1, 3)
    ),
    outcome=st.sampled_from(["recognised", "timeout", None]),
    recognised_ms=st.none() | st.integers(0, 7000),
    begun_at=st.none() | st.datetimes().map(lambda moment: moment.isoformat() + "+00:00"),
    pointer=st.sampled_from(["mouse", "touch", "pen", "keyboard", None]),
    contest=st.none() | counts,
    rules=st.dictionaries(st.sampled_from(["bubble", "size", "top_k"]), st.integers(1, 256))
    | st.dictionaries(texts, texts | st.booleans() | st.integers(), max_size=3),
    partner=st.none() | texts,
)


def record(
    image_id: str,
    label: int,
    wnid: str,
    bbox: tuple[int, int, int, int],
    map_: tuple[int, float],
    image: bytes,
    painted: list[Stroke],
) -> Record:
    clicks = sum(len(stroke.xyt) for stroke in painted)
    return Record(
        "train", image_id, label, wnid, len(painted), clicks, bbox, heatmap(*map_), image, strokes=painted
    )


photographs = st.builds(
    record,
    image_ids,
    st.integers(0, 999),
    texts,
    st.tuples(side, side, side, side),
    st.tuples(st.integers(0, 2**32), st.floats(1e-3, 1e3)),
    st.sampled_from([0, 99, 255]).map(jpeg),
    st.lists(strokes, min_size=1, max_size=3),
)


def per_player(found: list[Record]) -> list[Record]:
    """A record for each player of each photograph."""
    return [
        replace(whole, n_players=1, click_count=len(stroke.xyt), player=number, strokes=[stroke])
        for whole in found
        for number, stroke in enumerate(whole.strokes)
    ]


def without_images(found: list[Record]) -> list[Record]:
    return [replace(whole, image=None) for whole in found]


# What an export can give a format: photographs or players, with pictures or without; none twice.
files: st.SearchStrategy[list[Record]] = st.builds(
    lambda found, players, images: images(players(found)),
    st.lists(photographs, max_size=3, unique_by=lambda whole: whole.image_id),
    st.sampled_from([list, per_player]),
    st.sampled_from([list, without_images]),
)


@cache
def three() -> list[Record]:
    """Three photographs that are always the same."""
    bubbles = np.array([[100, 90, 0], [105, 92, 50], [112, 94, 101]], dtype=np.int16)
    painted = [
        Stroke(
            4,
            bubbles,
            "recognised",
            1234,
            "2026-11-24T09:30:00+00:00",
            "mouse",
            None,
            {"bubble": 14},
            "resnet50",
        ),
        Stroke(
            7,
            bubbles + np.int16(9),
            "timeout",
            None,
            None,
            "touch",
            3,
            {"bubble": 14, "fill": "mean"},
            "resnet50",
        ),
    ]
    return [
        record(
            f"n01440764/n01440764_{number}.JPEG",
            0,
            "n01440764",
            (83, 93, 112, 128),
            (number, 0.5),
            jpeg(99),
            painted,
        )
        for number in (3, 1, 2)
    ]


def written(known: Format, found: list[Record]) -> bytes:
    file = io.BytesIO()
    known.write(file, deepcopy(found))
    return file.getvalue()


def read(known: Format, data: bytes) -> list[Record]:
    return list(known.read(io.BytesIO(data), "train"))


def said(whole: Record) -> dict[str, Any]:
    """All but the map and the strokes."""
    return {**vars(whole), "heatmap": None, "strokes": None}


def stroke_said(stroke: Stroke) -> dict[str, Any]:
    return {**vars(stroke), "xyt": stroke.xyt.tolist()}


class Disk(io.BytesIO):
    """A file on a disk with room for so many bytes."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, data: Any) -> int:
        if self.tell() + memoryview(data).nbytes > self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)
