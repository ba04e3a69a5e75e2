"""What a worker does: one shard, or one chunk of the reliability. Run anywhere that sees the folders.

A task is small enough to travel, and leaves its result on disk under its number: done once is done.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clickme.catalogue.store import photograph_path
from clickme.export.facts import Shard
from clickme.export.options import Options
from clickme.export.plan import SEED, ShardPlan
from clickme.export.record import Photograph, Record
from clickme.export.strokes import from_line
from clickme.export.workspace import Workspace, read_json, write_json, writing
from clickme.kit.files import whole
from clickme.kit.problems import Problem
from clickme.maps import Recipe
from clickme.maps.reliability import Chunk, Correlations, measure


@dataclass(frozen=True)
class Worker:
    """Everything a task needs to know, small enough to travel."""

    workspace: Workspace
    photographs: Path  # the home's folder of prepared files
    options: Options

    def build_shard(self, planned: ShardPlan) -> Shard:
        """Write a file of the plan.

        Problem `photograph_missing`, `photograph_damaged`, `cannot_write`.
        """
        result = self.workspace.result("shard", planned.strokes)
        if result.exists():
            return Shard(**read_json(result))
        counted = 0

        def records() -> Iterator[Record]:
            nonlocal counted
            with self.workspace.strokes(planned.strokes).open("rb") as lines:
                for line in lines:
                    for record in self._records(from_line(line)):
                        yield record
                        counted += 1

        with writing(self.workspace.out):
            with whole(self.workspace.built(planned.name)) as partial:
                with partial.open("w+b") as file:
                    self.options.writer().write(file, records())
                    file.seek(0)
                    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                size = partial.stat().st_size
            shard = Shard(
                planned.name, planned.split, counted, planned.photographs, planned.maps, size, sha256
            )
            write_json(result, asdict(shard))
        return shard

    def _records(self, photograph: Photograph) -> Iterator[Record]:
        """A record of the photograph, or one of each player."""
        image = read_photograph(self.photographs, photograph) if self.options.has_images else None
        recipe = self.options.recipe if self.options.writer().has_maps else None
        if not self.options.per_player:
            yield photograph.record(recipe, image)
            return
        for stroke in photograph.strokes:
            yield photograph.by(stroke).record(recipe, image, player=stroke.player)

    def measure_chunk(self, chunk: Chunk) -> Correlations:
        """Correlate the maps of a chunk of the plan's photographs."""
        result = self.workspace.result("pairs", chunk.number)
        if not result.exists():
            lines = self.workspace.pairs(chunk.number).read_bytes().splitlines()
            measured = measure_lines(lines, SEED, chunk)
            with writing(self.workspace.out):
                write_json(result, as_lists(measured))
        return from_lists(read_json(result))


def as_lists(measured: Correlations) -> dict[str, Any]:
    """For JSON; Python's has a NaN."""
    return {name: np.asarray(value).tolist() for name, value in vars(measured).items()}


def from_lists(found: dict[str, Any]) -> Correlations:
    arrays: dict[str, Any] = {
        name: np.array(value) if isinstance(value, list) else value for name, value in found.items()
    }
    return Correlations(**arrays)


def measure_lines(lines: Sequence[bytes], seed: int, chunk: Chunk) -> Correlations:
    """Correlate the maps of these photographs, made as in the paper whatever the export's are."""
    samples = [
        [(stroke.player, stroke.bubble, stroke.bubbles) for stroke in from_line(line).strokes]
        for line in lines
    ]
    return measure(samples, Recipe(), seed, chunk.number, halves=chunk.halves)


def read_photograph(photographs: Path, photograph: Photograph) -> bytes:
    """The prepared JPEG as it was stored. Its hash is checked: a data set outlives the disk it came from."""
    place = photograph_path(photographs, photograph.sha256)
    try:
        jpeg = place.read_bytes()
    except OSError as error:
        raise Problem(
            "photograph_missing",
            f"The file of the photograph {photograph.image_id} cannot be read: {place}: {error.strerror}. "
            "Put it back, then run the same command again: what was finished is kept.",
        ) from None
    if hashlib.sha256(jpeg).hexdigest() != photograph.sha256:
        raise Problem(
            "photograph_damaged",
            f"The file of the photograph {photograph.image_id} has changed since it was added: {place}. "
            "Put it back as it was, then run the same command again: what was finished is kept.",
        )
    return jpeg
