"""TFRecord: one tf.train.Example a record, under the keys that Harmonization's `clickme_dataset` reads."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clickme.export.formats import Damaged
from clickme.export.formats.example import (
    Features,
    decode_example,
    encode_example,
    read_records,
    write_record,
)
from clickme.export.formats.grey import decode_grey, encode_grey
from clickme.export.record import Record


@dataclass(frozen=True)
class TFRecord:
    """| key | value |
    |---|---|
    | `image` | bytes: JPEG, 256x256x3; absent where photographs are not passed on |
    | `heatmap` | bytes: grey-scale PNG, 256x256x1: the map, scaled so that its maximum is 255 |
    | `heatmap_max` | float32: that maximum, in the map's own unit |
    | `label` | int64: the class, 0-based |
    | `click_count` | int64: bubbles in all the rounds that count |
    | `n_players` | int64: players whose maps were averaged |
    | `image_id` | bytes: the photograph's path in the challenge's own layout |
    | `wnid` | bytes: the synset of the class |
    | `bbox` | int64 [4]: y0 x0 y1 x1 of what was painted, before the blur; y1 and x1 exclusive |
    | `player` | int64: whose map it is, where maps are per player |

    `image`, `heatmap` and `label` are what Harmonization reads; its decode_jpeg takes the PNG as well.
    """

    name: str = "tfrecord"
    has_images: bool = True
    has_maps: bool = True

    def file_name(self, split: str, number: int, of: int) -> str:
        """As TensorFlow Datasets names them."""
        return f"clickme-{split}.tfrecord-{number:05}-of-{of:05}"

    def write(self, file: BinaryIO, records: Iterable[Record]) -> None:
        for record in records:
            write_record(file, encode_example(self.features(record)))

    def features(self, record: Record) -> Features:
        assert record.heatmap is not None
        picture, peak = encode_grey(record.heatmap)
        features = about(record) | {"heatmap": picture, "heatmap_max": [peak]}
        return features if record.image is None else features | {"image": record.image}

    def read(self, file: BinaryIO, split: str) -> Iterator[Record]:
        for found in examples(file):
            with sentences(found.number):
                heatmap = decode_grey(found.values["heatmap"][0], found.values["heatmap_max"][0])
                image = found.values["image"][0] if "image" in found.values else None
                record = record_of(found.values, split, heatmap, image)
            yield record


def about(record: Record) -> Features:
    """What both schemas say of a record in the same words: all but its map and its photograph."""
    assert record.bbox is not None
    features: Features = {
        "label": [record.label],
        "click_count": [record.click_count],
        "n_players": [record.n_players],
        "image_id": record.image_id.encode(),
        "wnid": record.wnid.encode(),
        "bbox": record.bbox,
    }
    return features if record.player is None else features | {"player": [record.player]}


def record_of(
    found: dict[str, list[Any]], split: str, heatmap: NDArray[np.float32], image: bytes | None
) -> Record:
    """The record that `about` was given."""
    y0, x0, y1, x1 = found["bbox"]
    return Record(
        split=split,
        image_id=found["image_id"][0].decode(),
        label=found["label"][0],
        wnid=found["wnid"][0].decode(),
        n_players=found["n_players"][0],
        click_count=found["click_count"][0],
        bbox=(y0, x0, y1, x1),
        heatmap=heatmap,
        image=image,
        player=found["player"][0] if "player" in found else None,
    )


class Found(NamedTuple):
    """An example of a file, by its number from 0."""

    number: int
    values: dict[str, list[Any]]


def examples(file: BinaryIO) -> Iterator[Found]:
    """The examples of a file. `Damaged` if a record is none."""
    for number, data in enumerate(read_records(file)):
        with sentences(number):
            found = Found(number, decode_example(data))
        yield found


@contextmanager
def sentences(number: int) -> Iterator[None]:
    """Name the record that is not of the schema."""
    try:
        yield
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        raise Damaged(f"record {number} is not one of this schema: {error!r}") from None
