"""Parquet in the layout of the Hugging Face Hub: `datasets` finds its splits, columns and pictures."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, BinaryIO

from clickme.export.formats import Damaged
from clickme.export.formats.grey import decode_grey, encode_grey
from clickme.export.record import Record

AT_ONCE = 100  # records in a row group: some 3 MB, which is what is in memory

# The columns as `datasets` describes them (its Features.to_dict).
FEATURES: Mapping[str, Mapping[str, Any]] = {
    "image": {"_type": "Image"},
    "heatmap": {"_type": "Image"},
    "heatmap_max": {"dtype": "float32", "_type": "Value"},
    "label": {"dtype": "int64", "_type": "Value"},
    "wnid": {"dtype": "string", "_type": "Value"},
    "image_id": {"dtype": "string", "_type": "Value"},
    "n_players": {"dtype": "int64", "_type": "Value"},
    "click_count": {"dtype": "int64", "_type": "Value"},
    "bbox": {"feature": {"dtype": "int64", "_type": "Value"}, "length": 4, "_type": "Sequence"},
    "player": {"dtype": "int64", "_type": "Value"},
}


@dataclass(frozen=True)
class Parquet:
    """| column | value |
    |---|---|
    | `image` | struct of bytes (JPEG, 256x256x3) and path; no column where photographs are not passed on |
    | `heatmap` | struct of bytes (PNG, 256x256x1: the map, scaled so that its maximum is 255) and path |
    | `heatmap_max` | float32: that maximum, in the map's own unit |
    | `label`, `wnid` | int64: the class, 0-based; string: its synset |
    | `image_id` | string: the photograph's path |
    | `n_players`, `click_count` | int64: players whose maps were averaged, and bubbles of all of them |
    | `bbox` | list of 4 int64: y0 x0 y1 x1 of what was painted, before the blur; y1 and x1 exclusive |
    | `player` | int64: whose map it is; no column where maps are not per player |

    The first record of a file says whether it has the columns `image` and `player`; where there is one, a
    record may lack it. `ValueError` if a later record has what there is no column for.
    """

    name: str = "parquet"
    has_images: bool = True
    has_maps: bool = True

    def file_name(self, split: str, number: int, of: int) -> str:
        """As the Hub names them: `datasets` reads the split from it."""
        return f"data/{split}-{number:05}-of-{of:05}.parquet"

    def write(self, file: BinaryIO, records: Iterable[Record]) -> None:
        import pyarrow.parquet as pq

        rows = map(_row, records)
        first = list(islice(rows, 1))
        schema = _schema(first[0].keys() if first else FEATURES.keys())
        all_rows = chain(first, rows)
        # JPEG and PNG get no smaller by another compression, and the rest is small.
        options = {"compression": "none", "use_dictionary": False, "write_page_checksum": True}
        with pq.ParquetWriter(file, schema, **options) as writer:
            while together := list(islice(all_rows, AT_ONCE)):
                writer.write_table(_table(together, schema))

    def read(self, file: BinaryIO, split: str) -> Iterator[Record]:
        for number, row in enumerate(_rows(file)):
            with _sentences(number):
                record = _record(row, split)
            yield record


def read_group(file: BinaryIO, number: int) -> Any:
    """The `number`-th row group of a file, from 0: an Arrow table. `Damaged` if it cannot be read."""
    with _opened(file) as opened:
        return opened.read_row_group(number, use_threads=False)


def count_groups(file: BinaryIO) -> int:
    """How many row groups a file has. `Damaged` if it cannot be read."""
    with _opened(file) as opened:
        return int(opened.num_row_groups)


def record_at(group: Any, row: int, split: str) -> Record:
    """The record in a row of what `read_group` gave, from 0. `Damaged` if it is not one."""
    with _sentences(row):
        (found,) = group.slice(row, 1).to_pylist()
        return _record(found, split)


def _row(record: Record) -> dict[str, Any]:
    assert record.heatmap is not None
    picture, peak = encode_grey(record.heatmap)
    row = {
        "heatmap": {"bytes": picture, "path": f"{record.image_id}.heatmap.png"},
        "heatmap_max": peak,
        "label": record.label,
        "wnid": record.wnid,
        "image_id": record.image_id,
        "n_players": record.n_players,
        "click_count": record.click_count,
        "bbox": record.bbox,
    }
    if record.image is not None:
        row["image"] = {"bytes": record.image, "path": record.image_id}
    if record.player is not None:
        row["player"] = record.player
    return row


def _schema(names: Collection[str]) -> Any:
    """The Arrow schema, with the metadata by which `datasets` knows that a column is of pictures."""
    import pyarrow as pa

    features = {name: feature for name, feature in FEATURES.items() if name in names}
    columns = [(name, _arrow_type(feature)) for name, feature in features.items()]
    return pa.schema(columns, metadata={"huggingface": json.dumps({"info": {"features": features}})})


def _arrow_type(feature: Mapping[str, Any]) -> Any:
    import pyarrow as pa

    match feature["_type"]:
        case "Image":
            return pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        case "Sequence":
            return pa.list_(_arrow_type(feature["feature"]), feature["length"])
        case _:
            return pa.type_for_alias(feature["dtype"])


def _table(rows: list[dict[str, Any]], schema: Any) -> Any:
    import pyarrow as pa

    for row in rows:
        if more := row.keys() - set(schema.names):  # Arrow would leave it out, and say nothing
            raise ValueError(f"{row['image_id']} has {more}, and the first record of this file has not")
    return pa.Table.from_pylist(rows, schema)


def _rows(file: BinaryIO) -> Iterator[dict[str, Any]]:
    with _opened(file) as opened:
        for batch in opened.iter_batches(AT_ONCE):
            yield from batch.to_pylist()


@contextmanager
def _opened(file: BinaryIO) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file, page_checksum_verification=True) as opened:
            yield opened
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Damaged(f"the file is truncated, was changed, or is no Parquet: {error}") from None


@contextmanager
def _sentences(number: int) -> Iterator[None]:
    """Name the record that is not of the layout."""
    try:
        yield
    except (KeyError, ValueError, TypeError) as error:
        raise Damaged(f"record {number} is not one of this layout: {error!r}") from None


def _record(row: dict[str, Any], split: str) -> Record:
    y0, x0, y1, x1 = row["bbox"]
    image = row.get("image")
    return Record(
        split=split,
        image_id=row["image_id"],
        label=row["label"],
        wnid=row["wnid"],
        n_players=row["n_players"],
        click_count=row["click_count"],
        bbox=(y0, x0, y1, x1),
        heatmap=decode_grey(row["heatmap"]["bytes"], row["heatmap_max"]),
        image=image["bytes"] if image else None,
        player=row.get("player"),
    )
