"""Exports: from the database and the photographs' files to shards of records."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from math import ceil
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.orm import Session

from clickme.catalogue.store import photograph_path
from clickme.export.files import files_together, refuse_unless_empty
from clickme.export.painted import Painted, begin_snapshot, count_painted, stream_painted
from clickme.export.record import encode_record
from clickme.export.tfrecord import write_record
from clickme.kit.problems import Problem

PER_SHARD = 1024  # photographs: some 30 MB


@dataclass(frozen=True)
class Shard:
    """A file that was written."""

    name: str
    photographs: int
    maps: int  # one of each player of each photograph


def export_tfrecord(
    session: Session, photographs: Path, out: Path, *, progress: Callable[[int, int], None]
) -> list[Shard]:
    """Write every photograph that has a map to TFRecord shards in `out`, a new or an empty folder.

    `session` must not have read anything yet: its transaction becomes one read-only snapshot. `photographs`
    is the home's folder of prepared files. `progress` hears (done, all), in photographs. Memory does not grow
    with the database, and the same database gives the same bytes. Problem `folder_not_empty`, `cannot_write`,
    `nothing_to_export`, `photograph_missing` or `photograph_damaged`: no file is left in `out`.
    """
    refuse_unless_empty(out)
    begin_snapshot(session)
    totals = count_painted(session)
    if not totals:
        raise Problem("nothing_to_export", "No photograph has a map yet. Play a round first: clickme play")
    stream = reported(stream_painted(session), sum(totals.values()), progress)
    with files_together(out) as new_file:
        shards = []
        for name, members in in_shards(stream, totals):
            with new_file(name) as file:
                shards.append(write_shard(file, name, members, photographs))
    return shards


def reported(
    stream: Iterator[Painted], total: int, progress: Callable[[int, int], None]
) -> Iterator[Painted]:
    """The same stream; `progress` hears of a photograph when the next one is asked for."""
    progress(0, total)
    for done, photograph in enumerate(stream, start=1):
        yield photograph
        progress(done, total)


def in_shards(stream: Iterator[Painted], totals: dict[str, int]) -> Iterator[tuple[str, Iterator[Painted]]]:
    """Cut the stream where a split ends and after every `PER_SHARD` photographs; name each piece's file."""
    for split, members in groupby(stream, key=lambda photograph: photograph.split):
        of = ceil(totals[split] / PER_SHARD)
        for number, piece in groupby(enumerate(members), key=lambda numbered: numbered[0] // PER_SHARD):
            name = f"clickme-{split}.tfrecord-{number:05}-of-{of:05}"
            yield name, (photograph for _, photograph in piece)


def write_shard(file: BinaryIO, name: str, members: Iterator[Painted], photographs: Path) -> Shard:
    """Append a record for each photograph."""
    count = maps = 0
    for photograph in members:
        write_record(file, encode_record(photograph, read_photograph(photographs, photograph)))
        count += 1
        maps += len(photograph.strokes)
    return Shard(name, count, maps)


def read_photograph(photographs: Path, photograph: Painted) -> bytes:
    """The prepared JPEG as it was stored. Its hash is checked: a data set outlives the disk it came from."""
    place = photograph_path(photographs, photograph.sha256)
    try:
        jpeg = place.read_bytes()
    except OSError as error:
        raise Problem(
            "photograph_missing",
            f"The file of the photograph {photograph.source_path} cannot be read: {place}: {error.strerror}. "
            "Put it back and export again; nothing was exported.",
        ) from None
    if hashlib.sha256(jpeg).hexdigest() != photograph.sha256:
        raise Problem(
            "photograph_damaged",
            f"The file of the photograph {photograph.source_path} has changed since it was added: {place}. "
            "Put it back as it was and export again; nothing was exported.",
        )
    return jpeg
