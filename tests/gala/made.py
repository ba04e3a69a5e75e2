"""Tiny data sets for networks: a coloured blob; its colour is the class, its place is what was painted."""

import io
from collections.abc import Mapping, Sequence
from colorsys import hsv_to_rgb
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clickme.catalogue.categories import all_categories
from clickme.catalogue.demo import demo_photographs
from clickme.catalogue.prepare import prepare
from clickme.export.beside import beside
from clickme.export.facts import Shard
from clickme.export.formats.known import format_of
from clickme.export.record import Photograph, Record, Stroke
from clickme.maps import Recipe
from clickme.settings import Limits
from export.beside.made import RELIABILITY, facts

RADIUS = 36  # px, of a blob


def data_set(
    folder: Path,
    *,
    format: str = "tfrecord",  # noqa: A002  # as --format calls it
    photographs: Mapping[str, int],
    classes: int,
    with_reliability: bool = True,
    seed: int = 0,
    per_shard: int = 16,
) -> Path:
    """An export in `folder` with so many photographs in each split, of ILSVRC12's first classes in turn."""
    made = [one for split, number in photographs.items() for one in records(split, number, classes, seed)]
    reliability = RELIABILITY if with_reliability else None
    return export(folder, made, format=format, per_shard=per_shard, reliability=reliability)


def records(split: str, number: int, classes: int, seed: int = 0) -> list[Record]:
    """Painted photographs. Equal arguments give equal records; no two splits share a photograph."""
    return [record(split, place, place % classes, classes, seed) for place in range(number)]


def record(split: str, number: int, label: int, classes: int, seed: int) -> Record:
    """A blob somewhere, and one to three players who painted across it."""
    rng = np.random.default_rng([seed, *split.encode(), number])
    x, y = (int(at) for at in rng.integers(RADIUS + 8, 256 - RADIUS - 8, 2))
    wnid = all_categories()[label].wnid
    image = jpeg(blob(x, y, label / classes, rng))
    strokes = [Stroke(player, painted(x, y, rng)) for player in range(int(rng.integers(1, 4)))]
    name = f"{wnid}/{wnid}_{seed}{split}{number}.JPEG"
    found = Photograph(split, name, sha256(image).hexdigest(), label, wnid, strokes)
    return found.record(Recipe(), image)


def blob(x: int, y: int, hue: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """uint8 [256, 256, 3]: a disk of this hue in [0, 1) at x, y px, on grey noise."""
    grey = rng.integers(90, 150, (32, 32), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    pixels = np.stack([grey] * 3, axis=-1)
    rows, columns = np.ogrid[:256, :256]
    inside = (columns - x) ** 2 + (rows - y) ** 2 < RADIUS**2
    pixels[inside] = [round(255 * part) for part in hsv_to_rgb(hue, 0.9, 0.95)]
    return pixels


def painted(x: int, y: int, rng: np.random.Generator) -> NDArray[np.int16]:
    """int16 [n, 3]: bubbles of one round, all on the blob."""
    n = int(rng.integers(20, 60))
    off = rng.normal(0, RADIUS / 3, (n, 2)).clip(-RADIUS, RADIUS)
    return np.column_stack([off + np.array([x, y]), 50 * np.arange(n)]).astype(np.int16)


def jpeg(pixels: NDArray[np.uint8], **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", **{"quality": 95, "subsampling": 0} | options)
    return file.getvalue()


def export(
    folder: Path,
    made: Sequence[Record],
    *,
    format: str = "tfrecord",  # noqa: A002
    schema: Literal["default", "raw"] = "default",
    per_shard: int = 16,
    **said: Any,
) -> Path:
    """These records as an export: shards, and what lies beside them. `said` are facts that it shall claim."""
    written, shards = format_of(format, schema), []
    for split in dict.fromkeys(record.split for record in made):
        inside = [record for record in made if record.split == split]
        parts = [inside[first : first + per_shard] for first in range(0, len(inside), per_shard)]
        for number, part in enumerate(parts):
            place = folder / written.file_name(split, number, len(parts))
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("w+b") as file:
                written.write(file, part)
            data = place.read_bytes()
            counts = (len(part), len(part), sum(one.n_players for one in part))
            name = str(place.relative_to(folder))
            shards.append(Shard(name, split, *counts, len(data), sha256(data).hexdigest()))
    said = {"has_images": all(one.image is not None for one in made)} | said
    known = replace(facts(format, schema), shards=shards, photographs=len(made), **said)
    for name, content in beside(known).items():
        (folder / name).write_bytes(content)
    return folder


def ilsvrc(
    root: Path,
    photographs: Mapping[str, Sequence[str]],
    *,
    size: tuple[int, int] = (320, 280),
    seed: int = 0,
) -> Path:
    """An ILSVRC12 folder: for each of its folders (train, val; "" for root itself) paths below it."""
    rng = np.random.default_rng(seed)
    labels = {label.wnid: label.class_index for label in all_categories()}
    for folder, names in photographs.items():
        for name in names:
            hue = labels.get(name.partition("/")[0], 0) / 1000
            picture = Image.fromarray(blob(128, 128, hue, rng)).resize(size)
            place = root / folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            picture.save(place, "JPEG", quality=95)
    return root


def mapping(place: Path) -> Path:
    """A LOC_synset_mapping.txt of all 1,000 classes."""
    place.write_text("".join(f"{label.wnid} {label.words}\n" for label in all_categories()))
    return place


def bundled_views(count: int) -> NDArray[np.uint8]:
    """The first of the bundled photographs, as a partner sees them: uint8 [count, 224, 224, 3]."""
    pictures = []
    for source in sorted(demo_photographs(), key=lambda source: source.path)[:count]:
        with Image.open(io.BytesIO(prepare(source.path, Limits()))) as image:
            pictures.append(np.asarray(image)[16:240, 16:240])
    return np.stack(pictures)
