"""An ILSVRC12 folder as photographs to train on, some of them with maps (paper, Table 4: 16 in a hundred)."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clickme.export.formats import Damaged
from clickme.kit.pictures import centre, upright
from clickme.kit.problems import Problem
from clickme.maps import SIZE
from clickme_gala.data.recorded import annotated
from clickme_gala.data.records import CLASSES, Records
from clickme_gala.data.sample import Annotation, Sample

FOLDERS = {"train": "train", "validation": "val"}  # of the splits
WNID = re.compile(r"n\d{8}")
ENDINGS = (".jpeg", ".jpg")
MOST_PIXELS = 64_000_000  # by the header; more is no photograph but a bomb
MAPPING = "LOC_synset_mapping.txt"
UNPAINTED = -1  # in place of the number of a record

# The limit is asked of the header below; Pillow's own would warn where this one refuses.
Image.MAX_IMAGE_PIXELS = None


class Folder:
    """`train/WNID/*.JPEG` and `val/WNID/*.JPEG`; without these, WNID folders of the training photographs.

    `maps` is an export whose records say by `image_id`, WNID/NAME, whose maps they are. What is in its
    validation and test splits is not trained on, so nothing is judged on what it was trained on.

    Photographs are prepared as those that maps were painted on: upright, centre crop to a square, scaled to
    256 px (paper, Table 4). The game saves them as JPEG once more, and looks after transparency and 16-bit
    grey; else they are the same. Those under 256 px in height or width got no maps by that rule; here they
    are scaled up, for the networks of that table learn from all of ILSVRC12.

    Problem `no_data_set`, `no_split`, `no_classes`, `no_photographs`, and those of `Records`.
    """

    def __init__(
        self, root: Path, split: str, maps: Path | None = None, annotation: Annotation = "maps"
    ) -> None:
        self.folder = folder_of(root, split)
        self.annotation = annotation
        self.records = None if maps is None else Records(maps, None, photographs=False)
        self.reliability = self.records.described.reliability if self.records else None
        self.left_out = list(self.records.left_out) if self.records else []
        self.unreadable = 0  # of photographs it comes to light when it is their turn
        wnids = wnids_in(self.folder)
        names = [f"{wnid}/{name}" for wnid in wnids for name in photographs_in(self.folder / wnid)]
        names = self._to_use(names, split)
        if not names:
            raise Problem("no_photographs", f"There is no photograph WNID/NAME.JPEG in {self.folder} to use.")
        labels = class_indices(root, wnids, self.records.wnids if self.records else {})
        self.labels = np.array([labels[name.partition("/")[0]] for name in names])
        self.painted = self._painted(names)
        self.names = np.array([os.fsencode(name) for name in names])  # a million strings take more memory
        self.with_maps = int((self.painted != UNPAINTED).sum())
        self.classes = len(np.unique(self.labels))

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, number: int) -> Sample:
        image_id = os.fsdecode(self.names[number])
        image = prepared(self.folder / image_id, image_id)
        painted = int(self.painted[number])
        record = None if self.records is None or painted == UNPAINTED else self.records[painted]
        return Sample(
            name=image_id,
            image_id=image_id,
            image=image,
            map=None if record is None else annotated(record, self.annotation),
            label=int(self.labels[number]),
            n_players=0 if record is None else record.n_players,
        )

    def _to_use(self, names: list[str], split: str) -> list[str]:
        """These photographs, but for those that the export keeps to judge by."""
        if self.records is None or split != "train":
            return names
        kept = {
            image_id
            for number, image_id in enumerate(self.records.image_ids)
            if self.records.split(number) in ("validation", "test")
        }
        to_use = [name for name in names if name not in kept]
        if len(to_use) < len(names):
            number = len(names) - len(to_use)
            self.left_out.append(f"{number} photographs of the validation and test splits of the maps")
        return to_use

    def _painted(self, names: list[str]) -> NDArray[np.int64]:
        """The number of each photograph's record, or UNPAINTED."""
        numbers = {} if self.records is None else {name: at for at, name in enumerate(self.records.image_ids)}
        return np.array([numbers.get(name, UNPAINTED) for name in names], dtype=np.int64)


def is_folder(root: Path) -> bool:
    """Whether there are photographs as in ILSVRC12, by the names of the folders."""
    return root.is_dir() and any([*((root / folder).is_dir() for folder in FOLDERS.values()), wnids_in(root)])


def folder_of(root: Path, split: str) -> Path:
    """Where the WNID folders of a split are. Problem `no_split`."""
    there = {name: root / folder for name, folder in FOLDERS.items() if (root / folder).is_dir()}
    if "train" not in there and wnids_in(root):
        there["train"] = root
    if split not in there:
        splits = ", ".join(there) or "none at all"
        raise Problem("no_split", f"{root} has no photographs in the split {split}; it has these: {splits}.")
    return there[split]


def wnids_in(folder: Path) -> list[str]:
    """The folders named by a synset, in order."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if WNID.fullmatch(entry.name) and entry.is_dir())


def photographs_in(folder: Path) -> list[str]:
    """The names of its JPEG files, in order."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.name.lower().endswith(ENDINGS))


def class_indices(root: Path, wnids: Sequence[str], of_records: Mapping[str, int]) -> Mapping[str, int]:
    """The class index of each synset.

    Written in LOC_synset_mapping.txt, in `root` or above it; else as records have it; else, where there are
    all 1,000, it is their order, which is the challenge's. Problem `no_classes`.
    """
    mappings = [place / MAPPING for place in (root, root.absolute().parent) if (place / MAPPING).is_file()]
    if mappings:
        lines = mappings[0].read_text(encoding="utf-8").splitlines()
        indices: Mapping[str, int] = {line.split(maxsplit=1)[0]: at for at, line in enumerate(lines) if line}
    elif len(wnids) == CLASSES:
        indices = {wnid: index for index, wnid in enumerate(wnids)}
    else:
        indices = of_records
    missing = [wnid for wnid in wnids if wnid not in indices]
    if missing:
        raise Problem(
            "no_classes",
            f"Which class is {missing[0]}? Put the challenge's {MAPPING} into {root}: a line for each class.",
        )
    return indices


def prepared(path: Path, name: str) -> NDArray[np.uint8]:
    """A photograph as maps expect it: uint8 [256, 256, 3], RGB. `Damaged` if it cannot be decoded."""
    try:
        with Image.open(path, formats=["JPEG", "PNG"]) as image:  # one of ILSVRC12's .JPEG files is a PNG
            if image.width * image.height > MOST_PIXELS:
                raise Damaged(f"{name}: {image.width}x{image.height} px are more than {MOST_PIXELS:,} pixels")
            image.load()
            square = centre(upright(image)).convert("RGB")
        return np.asarray(square.resize((SIZE, SIZE), Image.Resampling.LANCZOS))
    except (OSError, SyntaxError, ValueError) as error:  # Pillow's
        raise Damaged(f"{name} cannot be decoded: {error}") from None
