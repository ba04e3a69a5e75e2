"""Photographs of COCO with the masks of their objects (Lin et al., "Microsoft COCO", 2014)."""

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final, NamedTuple
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools.coco import COCO

from clickme.export.formats import Damaged
from clickme.kit.pictures import centre
from clickme.kit.problems import Problem
from clickme.maps import SIZE, Reliability
from clickme_gala.data.sample import Sample

SPLITS: Final = ("train2017", "val2017")


class _Annotated(NamedTuple):
    path: Path
    annotations: Any  # of its split: a COCO
    about: dict[str, Any]  # the photograph's own line in it


class Objects:
    """The photographs of a COCO folder, each with a mask of all its objects where others have a map.

    The folder has annotations/instances_val2017.json and photographs in val2017, or both of train2017; what
    there is of the two is taken. A photograph is made as the game makes it: cut to the square around its
    centre, scaled to 256x256 px. Its mask is the union of its instances, crowds left out (those are no
    outlines), cut and scaled alike: 1 where at least half of a pixel is covered, else 0; None if no object is
    left in the square. They are `Photographs`, so that they are read as others are; they have no classes of
    ours. Problem `no_coco` for a folder without annotations, or with others than COCO's.
    """

    left_out = ()
    unreadable = 0
    classes = 1
    reliability: Reliability | None = None

    def __init__(self, folder: Path) -> None:
        self._photographs = [found for split in SPLITS for found in _annotated(folder, split)]
        if not self._photographs:
            raise Problem(
                "no_coco",
                f"{folder} has no annotated photographs of COCO: it lacks annotations/instances_val2017.json "
                "or the folder val2017.",
            )

    @property
    def with_maps(self) -> int:
        """How many may have a mask: only reading them all would tell."""
        return len(self)

    def __len__(self) -> int:
        return len(self._photographs)

    def __getitem__(self, index: int) -> Sample:
        """The photograph at `index`. `Damaged`, with its name, if it cannot be read."""
        path, annotations, about = self._photographs[index]
        try:
            with Image.open(path) as file:
                photograph = file.convert("RGB")
            union = Image.fromarray(_union(annotations, about))
        except Exception as error:  # decoders have no common base, and pycocotools raises just this
            raise Damaged(f"{path}, or what is annotated of it, cannot be read: {error}") from None
        if photograph.size != union.size:
            raise Damaged(f"{path} has another size than its annotations say")
        mask = _square(union, Image.Resampling.BOX) >= 128
        return Sample(
            name=path.name,
            image_id=f"{path.parent.name}/{path.name}",
            image=_square(photograph, Image.Resampling.LANCZOS),
            map=mask.astype(np.float32) if mask.any() else None,
            label=0,  # it has none of ours
            n_players=0,
        )


def _annotated(folder: Path, split: str) -> list[_Annotated]:
    """The photographs of a split, in the order of their ids; none where it is absent."""
    place = folder / "annotations" / f"instances_{split}.json"
    if not place.exists() or not (folder / split).is_dir():
        return []
    try:
        with redirect_stdout(io.StringIO()):  # it reports its progress there, where data belong
            annotations = COCO(str(place))
        return [
            _Annotated(folder / split / about["file_name"], annotations, about)
            for _, about in sorted(annotations.imgs.items())
        ]
    except (OSError, ValueError, KeyError, TypeError, AssertionError) as error:
        raise Problem("no_coco", f"{place} cannot be read as annotations of COCO: {error}.") from None


def _union(annotations: Any, about: dict[str, Any]) -> NDArray[np.uint8]:
    """255 where an object of the photograph is, uint8 [height, width]."""
    union = np.zeros((about["height"], about["width"]), np.uint8)
    with catch_warnings():
        simplefilter("ignore", DeprecationWarning)  # pycocotools was written for NumPy 1
        for instance in annotations.imgToAnns[about["id"]]:
            if not instance["iscrowd"]:
                union |= annotations.annToMask(instance)
    return union * np.uint8(255)


def _square(image: Image.Image, filter_: Image.Resampling) -> NDArray[np.uint8]:
    """The square around the centre, as the game cuts it, at 256x256 px."""
    return np.asarray(centre(image).resize((SIZE, SIZE), filter_))
