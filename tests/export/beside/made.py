"""Facts about data sets that were never exported."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from clickme.export.facts import Facts, LeftOut, Shard
from clickme.export.formats.known import format_of
from clickme.maps import Recipe
from clickme.maps.reliability import Reliability

RULES = {
    "size": 256,
    "bubble": 14,
    "reveal": 21,
    "fill": "mean",
    "tick_ms": 50,
    "step_px": 7,
    "limit_ms": 7000,
}

RELIABILITY = Reliability(
    seed=0,
    photographs=812,
    left_out=3,
    players=2.4,
    rho=0.571,
    rho_interval=(0.552, 0.589),
    null=0.203,
    nulls=812,
    p=0.04,
    halves_photographs=812,
    resamples=10,
    ceiling=0.594,
    ceiling_interval=(0.574, 0.611),
    floor=0.212,
    floor_interval=(0.19, 0.231),
)


def shard(name: str, split: str, photographs: int, *, per_player: bool = False) -> Shard:
    return Shard(
        name=name,
        split=split,
        records=2 * photographs if per_player else photographs,
        photographs=photographs,
        maps=2 * photographs,
        bytes=30_000 * photographs,
        sha256=f"{photographs:064x}",
    )


def facts(
    format_: str = "tfrecord",
    schema: Literal["default", "raw"] = "default",
    *,
    images: bool = True,
    per_player: bool = False,
    train: Sequence[int] = (1024, 1024, 37),
    **others: Any,
) -> Facts:
    """A data set with three files of train, and one of each of the others."""
    written = format_of(format_, schema, 1)
    sizes = {"train": train, "validation": (51,), "test": (48,)}
    shards = [
        shard(written.file_name(split, number, len(files)), split, size, per_player=per_player)
        for split, files in sizes.items()
        for number, size in enumerate(files)
    ]
    photographs = sum(file.photographs for file in shards)
    known = Facts(
        version="0.2.0",
        format=format_,
        has_images=images and written.has_images,
        has_maps=written.has_maps,
        per_player=per_player,
        recipe=Recipe(),
        options={"format": format_, "schema": schema, "image_scale": 1, "selection": {"flags": 1}},
        shards=shards,
        left_out=[
            LeftOut("skipped", "rounds that were skipped", 1200, 0),
            LeftOut("flagged_photograph", "photographs flagged by 1 or more players", 96, 31),
            LeftOut("banned", "rounds of banned players", 0, 0),
        ],
        photographs=photographs,
        rounds=2 * photographs,
        players=57,
        bubbles=310_455,
        classes={"train": {"n01440764": 2000, "n01443537": 85}, "validation": {"n01440764": 51}},
        outcomes={"recognised": 2100, "timeout": 2268},
        pointers={"mouse": 3000, "touch": 1368},
        partners={"resnet50@5f0c": 4000, "resnet18@77aa": 368},
        rules=[(RULES | {"top_k": 5}, 4000), (RULES | {"top_k": 1}, 368)],
        consents={"2026-11": 50, "lab-7": 7},
        licences={"CC0-1.0": 1000, "": 1184},
        first_round="2026-11-01T12:00:00+00:00",
        last_round="2026-11-20T09:30:00+00:00",
        reliability=RELIABILITY,
        licence="CC-BY-4.0",
    )
    return replace(known, **others)


EVERY = {
    "tfrecord": facts(),
    "tfrecord of players": facts(per_player=True),
    "tfrecord without photographs": facts(images=False),
    "raw": facts(schema="raw"),
    "raw without photographs, of players": facts(schema="raw", images=False, per_player=True),
    "webdataset": facts("webdataset"),
    "webdataset without photographs, of players": facts("webdataset", images=False, per_player=True),
    "parquet": facts("parquet"),
    "parquet without photographs, of players": facts("parquet", images=False, per_player=True),
    "hdf5": facts("hdf5"),
    "hdf5 of players": facts("hdf5", per_player=True),
    "npz": facts("npz"),
    "ndjson": facts("ndjson"),
}
