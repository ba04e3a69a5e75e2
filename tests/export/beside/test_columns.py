"""That what is said of a record's values is said of those which the formats write, by their names."""

import io
import json
import tarfile
from collections.abc import Iterable
from dataclasses import replace

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest

from clickme.export.beside.columns import columns
from clickme.export.facts import Facts
from clickme.export.formats.example import decode_example, read_records
from clickme.export.formats.known import format_of
from clickme.export.record import Photograph, Record, Stroke
from clickme.maps import Recipe
from export.beside.made import EVERY
from export.formats.made import jpeg

PLACES = {"clickmap"}  # what lies below the group of a record in HDF5, and is no attribute of it
LISTS = {"xyt", "rules"}


def a_record(known: Facts) -> Record:
    xyt = np.array([[10, 20, 0], [12, 20, 50]], dtype=np.int16)
    stroke = Stroke(
        3, xyt, "timeout", None, "2026-11-01T12:00:00+00:00", "mouse", None, {"bubble": 14}, "p@0"
    )
    photograph = Photograph("train", "n01440764/a.JPEG", "", 0, "n01440764", [stroke])
    player = 3 if known.per_player else None
    image = jpeg(1) if known.has_images else None
    record = photograph.record(Recipe() if known.has_maps else None, image, player=player)
    return replace(record, strokes=() if known.has_maps else [stroke])


def names(known: Facts, data: bytes) -> Iterable[str]:
    """Of the values of the first record, by other means than ours where there are any."""
    file = io.BytesIO(data)
    match known.format:
        case "tfrecord":
            return decode_example(next(read_records(file))).keys()
        case "webdataset":
            with tarfile.open(fileobj=file) as archive:
                return [member.name.partition(".")[2] for member in archive]
        case "parquet":
            return list(pq.read_schema(file).names)
        case "hdf5":
            with h5py.File(file) as opened:
                [group] = opened["clickmaps"].values()
                return [*group, *group.attrs]
        case "npz":
            return np.load(file, allow_pickle=True).files  # type: ignore[no-any-return]
        case _:
            return json.loads(data).keys()  # type: ignore[no-any-return]


@pytest.mark.parametrize("known", EVERY.values(), ids=EVERY)
def test_columns_are_those_that_are_written(known: Facts) -> None:
    file = io.BytesIO()
    format_of(known.format, known.options["schema"], known.options["image_scale"]).write(
        file, [a_record(known)]
    )

    assert sorted(column.name for column in columns(known)) == sorted(names(known, file.getvalue()))
