"""Photographs in a folder, laid out as the challenge lays out its own: `train/<wnid>/*.JPEG`."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from clickme.catalogue.categories import all_categories, by_wnid
from clickme.kit.problems import Problem

ENDINGS = (".jpeg", ".jpg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif")
MAPPING = "LOC_synset_mapping.txt"


class Source(NamedTuple):
    """A photograph as it came: where it lies, what it shows, whose it is."""

    path: Path
    class_index: int
    name: str  # "<wnid>/<file>", as the challenge names it
    licence: str | None = None
    author: str | None = None
    source: str | None = None  # an address or a collection


@dataclass
class Folder:
    """What lies in a folder. Names only: 1.2 million of them fit in memory, as many paths are a burden."""

    root: Path
    names: dict[str, list[str]] = field(default_factory=dict)  # by wnid
    unknown: dict[str, int] = field(default_factory=dict)  # photographs in a folder named for no category

    def __len__(self) -> int:
        return sum(map(len, self.names.values()))

    def __iter__(self) -> Iterator[Source]:
        for wnid, names in self.names.items():
            class_index = by_wnid()[wnid].class_index
            for name in names:
                yield Source(self.root / wnid / name, class_index, f"{wnid}/{name}")


def read_folder(directory: Path) -> Folder:
    """List the photographs of `directory/train/<wnid>/`, or of `directory/<wnid>/` where there is no `train`.

    Problems: `no_such_folder`, `folder_not_readable`, `no_photographs`, `other_categories` when a
    LOC_synset_mapping.txt beside them numbers the classes otherwise.
    """
    if not directory.is_dir():
        raise Problem("no_such_folder", f"{directory} is not a folder. Name the one with the photographs.")
    root = directory / "train" if (directory / "train").is_dir() else directory
    folder = Folder(root)
    try:
        _check_mapping(directory / MAPPING)
        for entry in sorted(root.iterdir()):
            if not (entry.is_dir() and (names := _photographs(entry))):
                continue
            if entry.name in by_wnid():
                folder.names[entry.name] = names
            else:
                folder.unknown[entry.name] = len(names)
    except OSError as error:
        raise Problem(
            "folder_not_readable",
            f"{error.filename} cannot be read: {error.strerror}. Give yourself the right to read it.",
        ) from None
    if not folder.names and not folder.unknown:
        raise Problem(
            "no_photographs",
            f"{directory} holds no photographs. They belong in a folder for each category, named by its "
            "WordNet id: train/n01440764/….JPEG",
        )
    return folder


def _photographs(directory: Path) -> list[str]:
    with os.scandir(directory) as entries:
        return sorted(
            entry.name
            for entry in entries
            # A dot begins what a file system left behind ("._n01440764_18.JPEG").
            if entry.name.lower().endswith(ENDINGS) and not entry.name.startswith(".") and entry.is_file()
        )


def _check_mapping(file: Path) -> None:
    """The words may differ, the numbering of the classes must not."""
    if not file.exists():
        return
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    theirs = [line.split(maxsplit=1)[0] for line in lines if line.strip()]
    ours = [label.wnid for label in all_categories()]
    if theirs != ours:
        raise Problem(
            "other_categories",
            f"{file} does not list the 1,000 categories of ILSVRC12 in their order. "
            "Use the challenge's own file, or take this one away: the folders' names are enough.",
        )
