"""A data set read back, whatever its format: for trainers and for whoever checks one."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from clickme.export.beside.described import Described, load
from clickme.export.facts import Shard
from clickme.export.formats import Damaged, Format
from clickme.export.formats.known import format_of
from clickme.export.record import Record
from clickme.maps import Recipe, extent


def describe(folder: Path) -> Described:
    """What the data set in `folder` says of itself. `Damaged` if there is none."""
    place = folder / "dataset_info.json"
    try:
        return load(place.read_bytes())
    except OSError as error:
        raise Damaged(f"{folder} holds no finished data set: {place.name}: {error.strerror}") from None


def read(folder: Path | str, split: str | None = None) -> Iterator[Record]:
    """The records of a data set, those of one split or all, in the order of its files.

    Every format gives the same records, but for what it has no room for. Maps come as float32 or float64
    [256, 256] in the recipe's own unit: exact to float32, or to half a grey level where the format holds
    pictures; where it holds strokes they are made of those, by the recipe that the data set names.
    `Damaged` says which file is not as it was written, and in which record.
    """
    described = describe(Path(folder))
    chosen = format_of(described.format, described.schema, described.image_scale)
    recipe = None if described.has_maps else described.recipe
    for shard in described.shards:
        if split in (None, shard.split):
            records = _read_shard(Path(folder), shard, chosen)
            if recipe is None:
                yield from records
            else:
                yield from _with_maps(records, recipe, per_player=described.per_player)


def _read_shard(folder: Path, shard: Shard, chosen: Format) -> Iterator[Record]:
    """A file's records. `Damaged` if there are more or fewer than were written."""
    count = 0
    try:
        with (folder / shard.name).open("rb") as file:
            for record in chosen.read(file, shard.split):
                yield record
                count += 1
    except OSError as error:
        raise Damaged(f"{shard.name} cannot be read: {error.strerror or error}") from None
    except Damaged as damaged:
        raise Damaged(f"{shard.name}: {damaged}") from None
    if chosen.has_maps and count != shard.records:
        raise Damaged(f"{shard.name} holds {count} records, and {shard.records} were written")


def _with_maps(records: Iterator[Record], recipe: Recipe, *, per_player: bool) -> Iterator[Record]:
    """What was read as strokes, with the maps that the recipe makes of them."""
    for whole in records:
        parts = [(stroke,) for stroke in whole.strokes] if per_player else [tuple(whole.strokes)]
        for strokes in parts:
            sharp = recipe.sharp([(stroke.bubble, stroke.bubbles) for stroke in strokes])
            yield replace(
                whole,
                n_players=len(strokes),
                click_count=sum(len(stroke.xyt) for stroke in strokes),
                bbox=extent(sharp),
                heatmap=recipe.heat(sharp),
                player=strokes[0].player if per_player else None,
                strokes=strokes,
            )
