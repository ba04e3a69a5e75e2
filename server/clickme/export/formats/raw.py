"""TFRecord in the older schema: raw floats, as gala_tpu and the lab's archive hold them."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Literal

import numpy as np

from clickme.export.formats.example import Features, encode_example, write_record
from clickme.export.formats.tfrecord import about, examples, record_of, sentences
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
        features = about(record) | {"heatmap": record.heatmap.astype("<f4").tobytes()}
        return features if record.image is None else features | {"image": self._pixels(record.image)}

    def _pixels(self, jpeg: bytes) -> bytes:
        from PIL import Image

        with Image.open(io.BytesIO(jpeg)) as opened:
            pixels = np.asarray(opened.convert("RGB"), dtype="<f4")
        return (pixels / np.float32(255 / self.image_scale)).tobytes()

    def read(self, file: BinaryIO, split: str) -> Iterator[Record]:
        for found in examples(file):
            with sentences(found.number):
                heatmap = np.frombuffer(found.values["heatmap"][0], dtype="<f4").reshape(SIZE, SIZE)
                record = record_of(found.values, split, heatmap, None)
            yield record
