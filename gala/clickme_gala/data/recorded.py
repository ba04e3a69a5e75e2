"""An export as photographs to train on: its own, with their maps."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clickme.export.formats import Damaged
from clickme.export.record import Record
from clickme.maps import SIZE
from clickme_gala.data.records import Records
from clickme_gala.data.sample import Annotation, Sample


class Recorded:
    """The photographs of one split of an export in TFRecord, WebDataset or Parquet; all of them have maps.

    Problems as those of `Records`.
    """

    def __init__(self, folder: Path, split: str, annotation: Annotation = "maps") -> None:
        self.records = Records(folder, split, photographs=True)
        self.annotation = annotation
        self.left_out = self.records.left_out
        self.unreadable = self.records.unreadable
        self.with_maps = len(self.records)
        self.classes = len(set(self.records.labels))
        self.reliability = self.records.described.reliability

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, number: int) -> Sample:
        name = self.records.name(number)
        record = self.records[number]
        return Sample(
            name=name,
            image_id=record.image_id,
            image=pixels(record.image, name),
            map=annotated(record, self.annotation),
            label=record.label,
            n_players=record.n_players,
        )


def pixels(jpeg: bytes | None, name: str) -> NDArray[np.uint8]:
    """The photograph of a record: uint8 [256, 256, 3], RGB. `Damaged` if it cannot be decoded."""
    try:
        with Image.open(io.BytesIO(jpeg or b""), formats=["JPEG"]) as opened:
            if opened.size != (SIZE, SIZE):
                raise Damaged(f"the photograph of {name} is of {opened.width}x{opened.height} px")
            return np.asarray(opened if opened.mode == "RGB" else opened.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:  # Pillow's
        raise Damaged(f"the photograph of {name} cannot be decoded: {error}") from None


def annotated(record: Record, annotation: Annotation) -> NDArray[np.float32]:
    """The map of a record, or its box as a map: float32 [256, 256].

    Boxes are the control of the paper's Table 3: 1 inside of what was painted, 0 outside.
    """
    if annotation == "boxes":
        assert record.bbox is not None
        y0, x0, y1, x1 = record.bbox
        box = np.zeros((SIZE, SIZE), dtype=np.float32)
        box[y0:y1, x0:x1] = 1
        return box
    assert record.heatmap is not None
    return record.heatmap.astype(np.float32, copy=False)
