"""Every format, by the name that `--format` calls it."""

from typing import Final

from clickme.export.formats import Damaged, Format
from clickme.export.formats.hdf5 import HDF5
from clickme.export.formats.ndjson import NDJSON
from clickme.export.formats.npz import NPZ
from clickme.export.formats.parquet import Parquet
from clickme.export.formats.raw import RawTFRecord
from clickme.export.formats.tfrecord import TFRecord
from clickme.export.formats.webdataset import WebDataset

FORMATS: Final[dict[str, Format]] = {
    "tfrecord": TFRecord(),
    "webdataset": WebDataset(),
    "parquet": Parquet(),
    "hdf5": HDF5(),
    "npz": NPZ(),
    "ndjson": NDJSON(),
}


def format_of(name: str, schema: str | None = None, image_scale: float | None = None) -> Format:
    """The format that a data set says it has: `schema` and `image_scale` are those of TFRecord.

    `Damaged` if there is none of that name.
    """
    if schema == "raw":
        return RawTFRecord(255 if image_scale == 255 else 1)
    if name not in FORMATS:
        raise Damaged(f"there is no format named {name}: this data set is of a newer ClickMe, or was changed")
    return FORMATS[name]
