"""The bundled photographs as arrays, and how many of them a partner names."""

import csv
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from clickme.partners.bundled import bundled, named, score
from clickme_partner.registry import Measured
from made_up import DEMO


class Remembers:
    """A partner that was told what to say of each view."""

    version = "remembers@nothing"

    def __init__(self, views: npt.NDArray[np.uint8], logits: npt.NDArray[np.float32]) -> None:
        self.known = {view.tobytes(): row for view, row in zip(views, logits, strict=True)}

    def logits(self, views: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        return np.stack([self.known[view.tobytes()] for view in views])

    def wake(self) -> None: ...

    def close(self) -> None: ...


def test_they_are_the_catalogues(tmp_path: Path) -> None:
    photographs, classes = bundled()
    with (DEMO / "catalogue.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert photographs.dtype == np.uint8
    assert photographs.shape == (31, 256, 256, 3)
    assert classes.tolist() == [int(row["class_index"]) for row in rows]
    for photograph, row in zip(photographs, rows, strict=True):
        with Image.open(DEMO / row["file"]) as image:
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            square = image.convert("RGB").crop((left, top, left + side, top + side)).resize((256, 256))
        # Another filter, and no JPEG in between: alike, not equal.
        assert np.abs(np.asarray(square, np.int16) - photograph).mean() < 8


def test_a_photograph_is_named_first_or_among_five_by_its_very_class() -> None:
    photographs = np.random.default_rng(0).integers(0, 256, (20, 256, 256, 3), np.uint8)
    classes = np.array([10] * 19 + [836])
    logits = np.zeros((20, 1000), np.float32)
    logits[:, 20:30] = 1.0
    logits[:7, 10] = 2.0  # first
    logits[7:12, 10] = 1.0  # first of equals
    logits[12:15, 10], logits[12:15, 26:30] = 1.5, 3.0  # fifth
    logits[15:17, 10], logits[15:17, 25:30] = 1.5, 3.0  # sixth
    logits[19, 837] = 9.0  # a synonym, which the game lets pass

    remembers = Remembers(photographs[:, 16:240, 16:240], logits)
    assert score(remembers, photographs, classes) == Measured(20, top1=12, top5=15)
    assert named(logits[:7], classes[:7]) == Measured(7, 7, 7)
