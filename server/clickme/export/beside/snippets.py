"""Programs that read a data set with the library that its format is made for."""

from collections.abc import Callable

from clickme.export.beside.words import splits
from clickme.export.facts import Facts


def snippet(facts: Facts) -> str:
    """A few lines of Python, to be run in the data set's folder; they read the first split."""
    split = splits(facts)[0]
    names = [shard.name for shard in facts.shards if shard.split == split]
    return SNIPPETS[facts.format](split, names)


def _tfrecord(split: str, names: list[str]) -> str:
    return f"""\
import tensorflow_datasets as tfds

builder = tfds.builder_from_directory(".")
for record in builder.as_dataset(split="{split}").as_numpy_iterator():
    print(record["image_id"].decode(), record["label"], record["heatmap"].shape)
"""


def _webdataset(split: str, names: list[str]) -> str:
    last = len(names) - 1
    files = names[0] if last == 0 else f"clickme-{split}-{{{0:06}..{last:06}}}.tar"
    return f"""\
import webdataset

pictures = webdataset.imagehandler("rgb8", ["jpg"]), webdataset.imagehandler("l8", ["png"])
for record in webdataset.WebDataset("{files}", shardshuffle=False).decode(*pictures):
    print(record["json"]["image_id"], record["cls"], record["heatmap.png"].shape)
"""


def _parquet(split: str, names: list[str]) -> str:
    return f"""\
import os

import datasets

for record in datasets.load_dataset(os.getcwd(), split="{split}"):
    print(record["image_id"], record["label"], record["heatmap"].size)
"""


def _hdf5(split: str, names: list[str]) -> str:
    return f"""\
import h5py

with h5py.File("{names[0]}") as file:
    for group in file["clickmaps"].values():
        print(group.attrs["image_id"].decode(), group.attrs["label"], group["clickmap"].shape)
"""


def _npz(split: str, names: list[str]) -> str:
    return f"""\
import numpy as np

rounds = np.load("{names[0]}", allow_pickle=True)
for image_id, x, y in zip(rounds["file_pointer"], rounds["clickmap_x"], rounds["clickmap_y"]):
    print(image_id, list(zip(x, y))[:3])
"""


def _ndjson(split: str, names: list[str]) -> str:
    return f"""\
import json

with open("{names[0]}", encoding="utf-8") as file:
    for line in file:
        round_ = json.loads(line)
        print(round_["image_id"], round_["label"], round_["xyt"][:3])
"""


SNIPPETS: dict[str, Callable[[str, list[str]], str]] = {
    "tfrecord": _tfrecord,
    "webdataset": _webdataset,
    "parquet": _parquet,
    "hdf5": _hdf5,
    "npz": _npz,
    "ndjson": _ndjson,
}
