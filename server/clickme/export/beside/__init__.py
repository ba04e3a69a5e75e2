"""What lies beside the shards of a data set and says what they are. Pure: of the facts alone, no clock."""

from clickme.export.beside.card import card
from clickme.export.beside.croissant import croissant
from clickme.export.beside.described import Described, load
from clickme.export.beside.sums import sha256sums
from clickme.export.beside.tfds import dataset_info, features
from clickme.export.facts import Facts

__all__ = ["Described", "beside", "load"]


def beside(facts: Facts) -> dict[str, bytes]:
    """The files by name. Equal facts give equal bytes; SHA256SUMS covers the others and the shards."""
    files = {
        "dataset_info.json": dataset_info(facts).encode(),
        "features.json": features(facts).encode(),
        "croissant.json": croissant(facts).encode(),
        "README.md": card(facts).encode(),
    }
    return files | {"SHA256SUMS": sha256sums(facts.shards, files).encode()}
