"""The 1,000 classes of ILSVRC12, and which of them count as each other.

`categories.csv` holds the words of WordNet 3.0 (see NOTICE) in the order that classifiers number the classes.
What stands above the photograph, `shown`, is the first of them, except where a player could take it for
something else: then another word of the same synset, or a few in parentheses, and the `reason` beside it.
"""

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

HERE = Path(__file__).parent


class Label(NamedTuple):
    """One class, as the file tells it. The table `categories` holds the same, for SQL."""

    class_index: int  # 0..999
    wnid: str  # the WordNet 3.0 synset, e.g. n01440764
    words: str  # all of its words: "tench, Tinca tinca"
    shown: str  # the words above the photograph: "tench"
    reason: str  # why `shown` is not the first of `words`; empty where it is


def rows(file: Path) -> Iterator[dict[str, str]]:
    """The rows of a CSV file with a heading."""
    with file.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


@cache
def all_categories() -> tuple[Label, ...]:
    """The 1,000 classes; the one of class index i at place i."""
    return tuple(
        Label(int(row["class_index"]), row["wnid"], row["words"], row["shown"], row["reason"])
        for row in rows(HERE / "categories.csv")
    )


@cache
def by_wnid() -> Mapping[str, Label]:
    return MappingProxyType({label.wnid: label for label in all_categories()})


@cache
def synonyms(class_index: int) -> frozenset[int]:
    """The classes that count as this one when the partner names them, itself among them.

    The partner must name the thing, not the word: homonyms (the two cranes) are no synonyms.
    `synonyms.csv` gives the reason for each pair.
    """
    pairs = [{int(row["class_index"]), int(row["synonym"])} for row in rows(HERE / "synonyms.csv")]
    return frozenset({class_index}.union(*(pair for pair in pairs if class_index in pair)))
