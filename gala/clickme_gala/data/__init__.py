"""What networks are trained and judged on: photographs, maps of some or all of them, and their batches."""

from pathlib import Path

from clickme.kit.problems import Problem
from clickme_gala.data.folder import Folder, is_folder
from clickme_gala.data.recorded import Recorded
from clickme_gala.data.sample import Annotation, Batch, Photographs, Sample

__all__ = ["Annotation", "Batch", "Photographs", "Sample", "open_data"]


def open_data(
    data: Path, split: str, *, maps: Path | None = None, annotation: Annotation = "maps"
) -> Photographs:
    """The photographs of a split of `data`: an export, or an ILSVRC12 folder, for which `maps` is an export.

    Problem `no_data_set`, `maps_twice`, and those of `Recorded` and `Folder`.
    """
    if (data / "dataset_info.json").exists():
        if maps is not None:
            raise Problem(
                "maps_twice", f"{data} is an export and has maps: --maps is for folders of photographs."
            )
        return Recorded(data, split, annotation)
    if is_folder(data):
        return Folder(data, split, maps, annotation)
    raise Problem(
        "no_data_set",
        f"{data} is no data set: neither an export, with dataset_info.json, nor photographs in train/WNID/ "
        "or WNID/ as in ILSVRC12.",
    )
