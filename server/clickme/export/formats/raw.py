"""TFRecord in the older schema: raw floats, as gala_tpu and the lab's archive hold them."""

import io
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import numpy as np

from clickme.export.formats import Damaged
from clickme.export.formats.example import (
    Features,
    decode_example,
    encode_example,
    read_records,
    write_record,
)
from clickme.export.record import Record
from clickme.maps import SIZE


@dataclass(frozen=True)
class RawTFRecord:
    """| key | value |
    |---|---|
    | `image` | bytes: float32 [256, 256, 3], RGB in [0, `image_scale`]; absent where not passed on |
    | `heatmap` | bytes: float32 [256, 256], the map in its own unit |
    | `label` | int64: the class, 0-based |
    | `click_count` | int64: bubbles in all the rounds that count |
    | `bbox` | int64 [4]: y0 x0 y1 x1 of what was painted, before the blur; y1 and x1 exclusive |
    | `n_players`, `image_id`, `wnid`, `player` | as in `TFRecord` |

    All raw floats are little-endian. `image`, `heatmap`, `label`, `click_count` and `bbox` are what gala_tpu
    reads, with pixels in [0, 1]; the lab's archive has them in [0, 255] and no `bbox`. Pixels are no JPEG any
    more, so records are read back without an image.
    """

    image_scale: Literal[1, 255] = 1
    name: str = "tfrecord"
    has_images: bool = True
    has_maps: bool = True

    def file_name(self, split: str, number: int, of: int) -> str:
        """As gala_tpu names them."""
        return f"{split}-{number:05}-of-{of:05}"

    def write(self, file: BinaryIO, records: Iterable[Record]) -> None:
        for record in records:
            write_record(file, encode_example(self.features(record)))

    def features(self, record: Record) -> Features:
        assert record.heatmap is not None
        assert record.bbox is not None
        features: Features = {
            "heatmap": record.heatmap.astype("<f4").tobytes(),
            "label": [record.label],
            "click_count": [record.click_count],
            "bbox": record.bbox,
            "n_players": [record.n_players],
            "image_id": record.image_id.encode(),
            "wnid": record.wnid.encode(),
        }
        if record.image is not None:
            features["image"] = self._pixels(record.image)
        if record.player is not None:
            features["player"] = [record.player]
        return features

    def _pixels(self, jpeg: bytes) -> bytes:
        from PIL import Image

        with Image.open(io.BytesIO(jpeg)) as opened:
            pixels = np.asarray(opened.convert("RGB"), dtype="<f4")
        return (pixels / np.float32(255 / self.image_scale)).tobytes()

    def read(self, file: BinaryIO, split: str) -> Iterator[Record]:
        for number, data in enumerate(read_records(file)):
            try:
                record = _record(decode_example(data), split)
            except (KeyError, IndexError, ValueError, TypeError, AttributeError, struct.error) as error:
                raise Damaged(f"record {number} is not one of this schema: {error!r}") from None
            yield record


def _record(found: dict[str, list[Any]], split: str) -> Record:
    y0, x0, y1, x1 = found["bbox"]
    return Record(
        split=split,
        image_id=found["image_id"][0].decode(),
        label=found["label"][0],
        wnid=found["wnid"][0].decode(),
        n_players=found["n_players"][0],
        click_count=found["click_count"][0],
        bbox=(y0, x0, y1, x1),
        heatmap=np.frombuffer(found["heatmap"][0], dtype="<f4").reshape(SIZE, SIZE),
        player=found["player"][0] if "player" in found else None,
    )
