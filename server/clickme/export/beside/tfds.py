"""dataset_info.json and features.json: what tfds.builder_from_directory loads a folder by.

Source: tensorflow/datasets, dataset_info.proto and feature.proto in proto3's JSON. Their parser refuses keys
that it does not know, so what only ClickMe says stands where there is room for anybody's: as a
google.protobuf.Struct among the extra metadata of the schema's annotation (tensorflow/metadata).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from clickme.export.beside.columns import Column, Kind, columns
from clickme.export.beside.described import TYPE
from clickme.export.beside.words import CITATION, description, rows, splits
from clickme.export.facts import Facts

FEATURES = "tensorflow_datasets.core.features"
TEMPLATES = {"default": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}", "raw": "{SPLIT}-{SHARD_X_OF_Y}"}
DTYPES: dict[Kind, str] = {
    "raw": "float32",
    "float32": "float32",
    "float64": "float64",
    "int64": "int64",
    "int16": "int16",
    "bool": "bool",
}


def dataset_info(facts: Facts) -> str:
    """dataset_info.json."""
    info: dict[str, Any] = {
        "name": "clickme",
        "version": _version(facts.version),
        "description": description(facts),
        "citation": CITATION,
        "splits": [_split(facts, split) for split in splits(facts)],
        "schema": {"annotation": {"extraMetadata": [{"@type": TYPE, "value": ours(facts)}]}},
    }
    if facts.format == "tfrecord":
        info["fileFormat"] = "tfrecord"
    if facts.licence is not None:
        info["redistributionInfo"] = {"license": facts.licence}
    return _json(info)


def ours(facts: Facts) -> dict[str, Any]:
    """Every fact, in plain values."""
    plain = {name: value for name, value in asdict(facts).items() if name not in ("shards", "rules")}
    return plain | {
        "files": [asdict(shard) for shard in facts.shards],
        "rules": [{"rules": dict(rules), "rounds": rounds} for rules, rounds in facts.rules],
    }


def _version(version: str) -> str:
    """Three numbers, as TensorFlow Datasets wants them: 0.1.0 of 0.1.0.dev3."""
    numbers = [*re.findall(r"\d+", version.partition("+")[0])[:3], "0", "0", "0"]
    return ".".join(numbers[:3])


def _split(facts: Facts, split: str) -> dict[str, Any]:
    shards = [shard for shard in facts.shards if shard.split == split]
    said: dict[str, Any] = {
        "name": split,
        # 64-bit integers are strings in proto3's JSON.
        "shardLengths": [str(rows(facts, shard)) for shard in shards],
        "numBytes": str(sum(shard.bytes for shard in shards)),
    }
    if facts.format == "tfrecord":
        said["filepathTemplate"] = TEMPLATES[facts.options.get("schema", "default")]
    return said


def features(facts: Facts) -> str:
    """features.json."""
    named = {column.name: _feature(column) for column in columns(facts)}
    return _json(_of_class("features_dict.FeaturesDict") | {"featuresDict": {"features": named}})


def _feature(column: Column) -> Mapping[str, Any]:
    shape = {"dimensions": [str(length) for length in column.shape]} if column.shape else {}
    said = {"description": column.says}
    match column.kind:
        case "jpeg" | "png":
            image = {"shape": shape, "dtype": "uint8", "encodingFormat": column.kind}
            return said | _of_class("image_feature.Image") | {"image": image}
        case "text" | "moment":
            return said | _of_class("text_feature.Text") | {"text": {}}
        case kind:
            encoding = "bytes" if kind == "raw" else "none"
            tensor = {"shape": shape, "dtype": DTYPES[kind], "encoding": encoding}
            return said | _of_class("tensor_feature.Tensor") | {"tensor": tensor}


def _of_class(name: str) -> dict[str, Any]:
    return {"pythonClassName": f"{FEATURES}.{name}"}


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
