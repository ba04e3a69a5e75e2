"""What dataset_info.json says of a data set, read back: all that is needed to read its shards."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from clickme.export.facts import Shard
from clickme.export.formats import Damaged
from clickme.maps import Recipe
from clickme.maps.reliability import Reliability

# Where TensorFlow Datasets has room for what it does not know: `read` takes ours from there.
PLACE = ("schema", "annotation", "extraMetadata")
TYPE = "type.googleapis.com/google.protobuf.Struct"


@dataclass(frozen=True)
class Described:
    """A data set as its files have to be read."""

    format: str  # as --format calls it
    options: Mapping[str, Any]  # what else was chosen, by the options' names
    has_images: bool
    has_maps: bool
    per_player: bool
    recipe: Recipe
    shards: tuple[Shard, ...]
    reliability: Reliability | None  # None if no photograph has two players

    @property
    def schema(self) -> str | None:
        """Which TFRecord schema: default or raw; None in other formats."""
        return self.options.get("schema") if self.format == "tfrecord" else None

    @property
    def image_scale(self) -> float | None:
        """What white is in the photographs of the raw schema; None elsewhere."""
        return self.options.get("image_scale") if self.schema == "raw" else None


def load(dataset_info: bytes) -> Described:
    """Read dataset_info.json. `Damaged` if it was not written beside an export of ClickMe."""
    try:
        found = _ours(json.loads(dataset_info))
        return Described(
            format=found["format"],
            options=found["options"],
            has_images=found["has_images"],
            has_maps=found["has_maps"],
            per_player=found["per_player"],
            recipe=Recipe(**{field.name: found["recipe"][field.name] for field in fields(Recipe)}),
            shards=tuple(
                Shard(**{field.name: file[field.name] for field in fields(Shard)}) for file in found["files"]
            ),
            reliability=_reliability(found["reliability"]),
        )
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise Damaged(f"dataset_info.json was not written by this export: {error!r}") from None


def _ours(info: Any) -> Mapping[str, Any]:
    for key in PLACE:
        info = info[key]
    found: Mapping[str, Any] = next(extra["value"] for extra in info if extra["@type"] == TYPE)
    return found


def _reliability(said: Mapping[str, Any] | None) -> Reliability | None:
    if said is None:
        return None
    values: dict[str, Any] = {field.name: said[field.name] for field in fields(Reliability)}
    intervals: dict[str, Any] = {name: tuple(pair) for name, pair in values.items() if isinstance(pair, list)}
    return Reliability(**values | intervals)  # JSON has no tuples
