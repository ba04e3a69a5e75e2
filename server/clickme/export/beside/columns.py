"""The values of a record in each format, by the names they have there. Said once, for every file beside."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from clickme.export.facts import Facts

Kind = Literal["jpeg", "png", "raw", "float32", "float64", "int64", "int16", "bool", "text", "moment"]
SHAPES: dict[Kind, tuple[int, ...]] = {"jpeg": (256, 256, 3), "png": (256, 256, 1)}
ANY = -1  # a length that differs from record to record


@dataclass(frozen=True)
class Column:
    """A value of a record. `raw` is little-endian float32 without a header."""

    name: str
    kind: Kind
    says: str
    shape: tuple[int, ...] = ()


def columns(facts: Facts) -> list[Column]:
    """What a record of this data set has, in the order of its documentation."""
    return list(BY_FORMAT[facts.format](facts))


PLAYER = Column("player", "int64", "whose map it is: a number within this export")


def _picture() -> Column:
    return Column("image", "jpeg", "the photograph: JPEG, 256×256×3", SHAPES["jpeg"])


def _grey(name: str = "heatmap") -> Column:
    says = "the map: grey-scale PNG, 256×256×1, scaled so that its maximum is 255"
    return Column(name, "png", says, SHAPES["png"])


def _class() -> Iterator[Column]:
    yield Column("label", "int64", "the class in the order of ILSVRC12, from 0")
    yield Column("wnid", "text", "its WordNet 3.0 synset")


def _numbers() -> Iterator[Column]:
    yield Column("n_players", "int64", "players whose maps were averaged")
    yield Column("click_count", "int64", "bubbles of all of them")
    says = "y0, x0, y1, x1 of what was painted, in px, before the blur; y1 and x1 exclusive"
    yield Column("bbox", "int64", says, (4,))


IMAGE_ID = Column("image_id", "text", "the photograph's path in the layout of ILSVRC12")
HEATMAP_MAX = Column("heatmap_max", "float32", "the map's maximum, in its own unit")


def _tfrecord(facts: Facts) -> Iterator[Column]:
    if facts.options.get("schema") == "raw":
        yield from _raw(facts)
        return
    if facts.has_images:
        yield _picture()
    yield from (_grey(), HEATMAP_MAX, *_class(), IMAGE_ID, *_numbers())
    if facts.per_player:
        yield PLAYER


def _raw(facts: Facts) -> Iterator[Column]:
    if facts.has_images:
        white = facts.options["image_scale"]
        says = f"the photograph: little-endian float32 [256, 256, 3], RGB from 0 to {white}"
        yield Column("image", "raw", says, SHAPES["jpeg"])
    says = "the map: little-endian float32 [256, 256, 1], in its own unit"
    yield from (Column("heatmap", "raw", says, SHAPES["png"]), *_class(), IMAGE_ID, *_numbers())
    if facts.per_player:
        yield PLAYER


def _webdataset(facts: Facts) -> Iterator[Column]:
    if facts.has_images:
        yield Column("jpg", "jpeg", _picture().says, SHAPES["jpeg"])
    yield _grey("heatmap.png")
    yield Column("cls", "int64", "the class in the order of ILSVRC12, from 0: digits")
    inside = [
        IMAGE_ID,
        *list(_class())[1:],
        *_numbers(),
        HEATMAP_MAX,
        *([PLAYER] if facts.per_player else []),
    ]
    says = "; ".join(f"`{column.name}`: {column.says}" for column in inside)
    yield Column("json", "text", f"a JSON object. {says}")


def _hdf5(facts: Facts) -> Iterator[Column]:
    says = "the map, float32 [1, 256, 256], in its own unit: `clickmaps/NAME/clickmap`"
    yield Column("clickmap", "float32", says, (1, 256, 256))
    yield from (*_class(), IMAGE_ID, *_numbers())
    if facts.per_player:
        yield PLAYER


def _npz(facts: Facts) -> Iterator[Column]:
    yield Column("file_pointer", "text", IMAGE_ID.says)
    yield Column("clickmap_x", "int64", "px of the photograph, to the right: one for each bubble", (ANY,))
    yield Column("clickmap_y", "int64", "px, down", (ANY,))
    yield Column("clickmap_t", "int64", "ms since the round began", (ANY,))
    yield Column("user_id", "int64", "the player's number within this export")
    yield Column("user_catch_trial", "float64", "1.0: there are no catch trials here")
    yield Column("is_mobile", "bool", "whether the pointer was a touch", (1,))
    yield from _class()
    yield from _round()


def _ndjson(facts: Facts) -> Iterator[Column]:
    yield from (IMAGE_ID, *_class())
    yield Column("player", "int64", "who painted: a number within this export")
    yield from _round()
    yield Column(
        "xyt", "int16", "of each bubble: x and y in px of the photograph, ms since the round began", (ANY, 3)
    )


def _round() -> Iterator[Column]:
    yield Column("outcome", "text", "recognised or timeout")
    yield Column(
        "recognised_ms", "int64", "when the partner recognised it, in ms since the round began; else null"
    )
    yield Column("begun_at", "moment", "when the round began: ISO 8601, UTC")
    yield Column("pointer", "text", "mouse, touch, pen or keyboard")
    yield Column("contest", "int64", "the contest's number, or null")
    yield Column("rules", "text", "the game's rules, as they were for this round")
    yield Column("partner", "text", "name@sha256 of the network that looked")


BY_FORMAT: dict[str, Callable[[Facts], Iterator[Column]]] = {
    "tfrecord": _tfrecord,
    "webdataset": _webdataset,
    "parquet": _tfrecord,
    "hdf5": _hdf5,
    "npz": _npz,
    "ndjson": _ndjson,
}
