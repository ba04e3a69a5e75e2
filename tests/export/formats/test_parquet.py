"""Parquet, read by pyarrow alone, with the metadata that the `datasets` library looks for."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from clickme.export.formats import Damaged
from clickme.export.formats.parquet import Parquet
from clickme.export.record import Record
from export.formats.made import jpeg, per_player, read, three, without_images, written

PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def table(records: list[Record]) -> pa.Table:
    return pq.read_table(io.BytesIO(written(Parquet(), records)))


def test_columns_and_their_types() -> None:
    schema = table(three()).schema

    assert dict(zip(schema.names, schema.types, strict=True)) == {
        "image": PICTURE,
        "heatmap": PICTURE,
        "heatmap_max": pa.float32(),
        "label": pa.int64(),
        "wnid": pa.string(),
        "image_id": pa.string(),
        "n_players": pa.int64(),
        "click_count": pa.int64(),
        "bbox": pa.list_(pa.int64(), 4),
    }


def test_values() -> None:
    row, *_ = table(three()).to_pylist()

    assert row.pop("image") == {"bytes": jpeg(99), "path": "n01440764/n01440764_3.JPEG"}
    heatmap = row.pop("heatmap")
    assert heatmap["path"] == "n01440764/n01440764_3.JPEG.heatmap.png"
    with Image.open(io.BytesIO(heatmap["bytes"])) as opened:
        assert (opened.mode, opened.size, opened.getextrema()) == ("L", (256, 256), (0, 255))
    assert row == {
        "heatmap_max": 0.5,
        "label": 0,
        "wnid": "n01440764",
        "image_id": "n01440764/n01440764_3.JPEG",
        "n_players": 2,
        "click_count": 6,
        "bbox": [83, 93, 112, 128],
    }


def test_the_metadata_name_every_column_for_datasets() -> None:
    schema = table(per_player(three())).schema

    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == schema.names
    assert features["image"] == features["heatmap"] == {"_type": "Image"}
    assert features["label"] == {"dtype": "int64", "_type": "Value"}
    assert features["bbox"] == {
        "feature": {"dtype": "int64", "_type": "Value"},
        "length": 4,
        "_type": "Sequence",
    }


def test_players_have_a_column_and_photographs_need_none() -> None:
    players = table(without_images(per_player(three())))

    assert players.column("player").to_pylist() == [0, 1, 0, 1, 0, 1]
    assert "image" not in players.column_names


def test_a_record_may_lack_its_photograph_but_not_have_one_alone() -> None:
    first, second, _ = three()
    bare = replace(first, image=None)

    back = read(Parquet(), written(Parquet(), [second, bare]))
    assert [record.image for record in back] == [jpeg(99), None]
    with pytest.raises(ValueError, match="image"):
        written(Parquet(), [bare, second])


def test_row_groups_are_small() -> None:
    data = written(Parquet(), without_images(three()[:1] * 250))

    metadata = pq.ParquetFile(io.BytesIO(data)).metadata
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [100, 100, 50]


def test_records_are_taken_a_group_at_a_time() -> None:
    taken = []

    class Watched(io.BytesIO):
        def write(self, data: object) -> int:
            taken.append(count)
            return super().write(data)  # type: ignore[arg-type]

    count = 0

    def counted() -> Iterator[Record]:
        nonlocal count
        for record in without_images(three()[:1] * 250):
            count += 1
            yield record

    Parquet().write(Watched(), counted())

    assert {100, 200, 250} <= set(taken)


def test_a_table_of_other_columns_is_refused() -> None:
    file = io.BytesIO()
    pq.write_table(table(three()).drop_columns(["bbox"]), file)

    with pytest.raises(Damaged, match=r"record 0 .*bbox"):
        read(Parquet(), file.getvalue())
