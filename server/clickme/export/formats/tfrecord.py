"""TFRecord: one tf.train.Example a record, under the keys that Harmonization's `clickme_dataset` reads."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from clickme.export.formats import Damaged
from clickme.export.formats.example import (
    Features,
    decode_example,
    encode_example,
    read_records,
    write_record,
)
from clickme.export.formats.grey import decode_grey, encode_png, to_grey
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
        assert record.bbox is not None
        features: Features = {
            "heatmap": encode_png(to_grey(record.heatmap)),
            "heatmap_max": [float(record.heatmap.max())],
            "label": [record.label],
            "click_count": [record.click_count],
            "n_players": [record.n_players],
            "image_id": record.image_id.encode(),
            "wnid": record.wnid.encode(),
            "bbox": record.bbox,
        }
        if record.image is not None:
            features["image"] = record.image
        if record.player is not None:
            features["player"] = [record.player]
        return features

    def read(self, file: BinaryIO, split: str) -> Iterator[Record]:
        for number, data in enumerate(read_records(file)):
            try:
                found = decode_example(data)
                yield Record(
                    split=split,
                    image_id=found["image_id"][0].decode(),
                    label=found["label"][0],
                    wnid=found["wnid"][0].decode(),
                    n_players=found["n_players"][0],
                    click_count=found["click_count"][0],
                    bbox=box_of(found["bbox"]),
                    heatmap=decode_grey(found["heatmap"][0], found["heatmap_max"][0]),
                    image=found["image"][0] if "image" in found else None,
                    player=found["player"][0] if "player" in found else None,
                )
            except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
                raise Damaged(f"record {number} is not one of this schema: {error!r}") from None


def box_of(numbers: Sequence[int]) -> tuple[int, int, int, int]:
    """y0 x0 y1 x1. `ValueError` if there are more or fewer."""
    y0, x0, y1, x1 = numbers
    return y0, x0, y1, x1
