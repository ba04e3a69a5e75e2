"""The records of an export in any order: found once, when it is opened, and then read one by one."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from clickme.export.beside.described import Described
from clickme.export.facts import Shard
from clickme.export.formats import Damaged
from clickme.export.formats.known import format_of
from clickme.export.reading import describe
from clickme.export.record import Record
from clickme.kit.problems import Problem
from clickme_gala.data.places import Layout, Place, layout_of

CLASSES = 1000  # of ILSVRC12


class Records:
    """The whole records of an export, of one split or of all, in the order of its files.

    Opening reads every shard once; maps are decoded, photographs are not. What is wrong is named in
    `left_out`, counted in `unreadable` and not among the records. No file is held open, so processes may
    share it.

    With `photographs`, records without one are of no use. Problem `no_data_set`, `no_photographs`,
    `per_player`, `no_split`, `no_records` if nothing is left.
    """

    def __init__(self, folder: Path, split: str | None, *, photographs: bool) -> None:
        self.folder = folder
        self.described, self.layout = opened(folder, photographs=photographs)
        self.shards = shards_of(self.described, split, folder)
        self.photographs = photographs
        self.left_out: list[str] = []
        self.unreadable = 0  # records that are not there or of no use; a sentence may be about many
        self.image_ids: list[str] = []
        self.labels: list[int] = []
        self.wnids: dict[str, int] = {}  # the label of each
        where = []
        for number, shard in enumerate(self.shards):
            for nth, place, record in self._usable(shard):
                where.append((number, nth, *place))
                self.image_ids.append(record.image_id)
                self.labels.append(record.label)
                self.wnids[record.wnid] = record.label
        if not where:
            raise Problem("no_records", f"No record of {folder} can be used: {self.left_out[0]}.")
        self.where = np.array(where, dtype=np.int64)  # [n, 4]: shard, number in it, place

    def __len__(self) -> int:
        return len(self.where)

    def name(self, number: int) -> str:
        """Which record it is, for people."""
        shard, nth, *_ = self.where[number].tolist()
        return f"record {nth} of {self.shards[shard].name}"

    def split(self, number: int) -> str:
        return self.shards[int(self.where[number, 0])].split

    def __getitem__(self, number: int) -> Record:
        """`Damaged`, with its name, if it is not as it was any more."""
        shard, _, *place = self.where[number].tolist()
        try:
            with (self.folder / self.shards[shard].name).open("rb") as file:
                return self.layout.read(file, Place(*place), self.shards[shard].split)
        except OSError as error:
            raise Damaged(f"{self.name(number)} cannot be read: {error.strerror or error}") from None
        except Damaged as damaged:
            raise Damaged(_of(self.name(number), damaged)) from None

    def _usable(self, shard: Shard) -> Iterator[tuple[int, Place, Record]]:
        """The records of a shard, with their numbers in it and their places. The others are named."""
        seen, reason = 0, "the file ends before them"
        try:
            with (self.folder / shard.name).open("rb") as file:
                for place, found in self.layout.scan(file, shard.split):
                    name = f"record {seen} of {shard.name}"
                    if isinstance(found, Damaged):
                        self._leave_out(_of(name, found))
                    elif complaint := self._complaint(found):
                        self._leave_out(f"{name} {complaint}")
                    else:
                        yield seen, place, found
                    seen += 1
        except OSError as error:
            reason = error.strerror or str(error)
        except Damaged as damaged:
            reason = str(damaged)
        if seen < shard.records:
            lost = shard.records - seen
            self._leave_out(f"{lost} of {shard.records} records of {shard.name}: {reason}", lost)

    def _leave_out(self, sentence: str, records: int = 1) -> None:
        self.left_out.append(sentence)
        self.unreadable += records

    def _complaint(self, record: Record) -> str | None:
        if self.photographs and record.image is None:
            return "has no photograph"
        if not 0 <= record.label < CLASSES:
            return f"has the label {record.label}, and classes go from 0 to {CLASSES - 1}"
        return None


def opened(folder: Path, *, photographs: bool) -> tuple[Described, Layout]:
    """What an export says of itself, and how its records lie in its files."""
    try:
        described = describe(folder)
        known = format_of(described.format, described.schema, described.image_scale)
    except Damaged as damaged:
        raise Problem("no_data_set", f"{folder} is no data set that can be read: {damaged}.") from None
    layout = layout_of(known)
    if layout is None:
        raise Problem(
            "no_photographs",
            f"{folder} is in the format {described.format}, which holds no photographs. Export it with "
            "--format tfrecord, webdataset or parquet.",
        )
    if photographs and described.schema == "raw":
        raise Problem(
            "no_photographs",
            f"{folder} is in the raw schema, which is for gala_tpu: export it with --schema default.",
        )
    if photographs and not described.has_images:
        raise Problem(
            "no_photographs", f"{folder} was exported without its photographs: leave out --images none."
        )
    if described.per_player:
        raise Problem(
            "per_player",
            f"{folder} has a map of each player, where training wants their mean: leave out --per-player.",
        )
    return described, layout


def shards_of(described: Described, split: str | None, folder: Path) -> list[Shard]:
    """The shards of a split, or all of them, but for those without a record. Problem `no_split`."""
    filled = [shard for shard in described.shards if shard.records]
    chosen = [shard for shard in filled if split in (None, shard.split)]
    if not chosen:
        there = ", ".join(dict.fromkeys(shard.split for shard in filled)) or "none at all"
        raise Problem("no_split", f"{folder} has no photographs in the split {split}; it has these: {there}.")
    return chosen


def _of(name: str, damaged: Damaged) -> str:
    """What is wrong with the record of this name; to its reader it was a record of another number."""
    reason = str(damaged)
    said = re.sub(r"^record \d+ ", "", reason)
    return f"{name}: {reason}" if said == reason else f"{name} {said}"
