"""What an export is going to be: everything it needs of the database, on disk, before the first map is made.

The plan is read out of one snapshot. Once it is there, an export that was killed goes on with the very same
rounds, whatever has been played since, and workers need no database.
"""

import json
import os
import random
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any, BinaryIO, Self

from sqlalchemy.orm import Session

from clickme.export.beside.words import in_order
from clickme.export.facts import LeftOut
from clickme.export.options import Options
from clickme.export.painted import Tally, begin_snapshot, stream_painted
from clickme.export.record import SPLITS, UNSPLIT, Photograph
from clickme.export.strokes import to_line
from clickme.export.workspace import Workspace, read_json, write_json
from clickme.kit.files import settle, whole
from clickme.kit.problems import Problem
from clickme.maps import Recipe, reliability
from clickme.maps.reliability import PHOTOGRAPHS, Chunk

SEED = 0  # of what is drawn for the reliability in the card


@dataclass(frozen=True)
class ShardPlan:
    """A file that is to be written."""

    name: str
    split: str
    strokes: int  # the number of the file that holds its photographs' strokes
    photographs: int
    maps: int  # one of each player of each photograph


@dataclass(frozen=True)
class Plan:
    """The export's options, what is known of its rounds, and its work."""

    options: dict[str, Any]
    shards: list[ShardPlan]
    chunks: list[Chunk]  # of the photographs that reliability is measured on
    facts: dict[str, Any]  # of Facts, all but the shards and the reliability

    @classmethod
    def load(cls, workspace: Workspace) -> Self:
        found = read_json(workspace.plan)
        shards = [ShardPlan(**shard) for shard in found["shards"]]
        return cls(**found | {"shards": shards, "chunks": [Chunk(**chunk) for chunk in found["chunks"]]})

    def known(self) -> dict[str, Any]:
        """The facts as `Facts` takes them."""
        return self.facts | {
            "recipe": Recipe(**self.facts["recipe"]),
            "left_out": [LeftOut(**line) for line in self.facts["left_out"]],
            "rules": [(rules, rounds) for rules, rounds in self.facts["rules"]],
        }


def make_plan(
    session: Session, workspace: Workspace, options: Options, version: str, heard: Callable[[int], None]
) -> Plan:
    """Read everything the export needs out of one snapshot, and write the plan when all of it is on disk.

    `session` must not have read anything yet. `heard` is told how many photographs there are so far. Problem
    `nothing_to_export` if no round counts.
    """
    for half_done in ("strokes", "pairs", "built", "results"):
        shutil.rmtree(workspace.hidden / half_done, ignore_errors=True)
    begin_snapshot(session)
    tally, sample = Tally(), Sample(PHOTOGRAPHS, SEED)
    with ExitStack() as stack:
        spool = Spool(workspace, options, stack)
        splits = options.split_by != "none"
        for photograph in stream_painted(session, options.selection, splits=splits, tally=tally):
            line = to_line(photograph)
            spool.add(photograph, line)
            if len(photograph.strokes) > 1:
                sample.offer(line)
            heard(tally.photographs)
        spool.finish()
    if not tally.photographs:
        raise Problem("nothing_to_export", nothing(tally))
    chunks = reliability.plan(len(sample.kept), SEED)
    for chunk in chunks:
        with whole(workspace.pairs(chunk.number)) as partial:
            partial.write_bytes(b"".join(sample.lines(chunk)))
    plan = Plan(options.as_dict(), spool.shards(), chunks, facts(tally, options, version))
    write_json(workspace.plan, asdict(plan))
    return plan


def nothing(tally: Tally) -> str:
    left = sum(tally.left_rounds.values())
    if not left:
        return "No photograph has a map yet. Play a round first: clickme play"
    reasons = ", ".join(f"{word} {rounds}" for word, rounds in tally.left_rounds.items() if rounds)
    return f"No round counts: all {left} are left out ({reasons}). Choose other options, or play on."


class Sample:
    """Up to `size` of the lines it is offered, each with the same chance."""

    def __init__(self, size: int, seed: int) -> None:
        self.size = size
        self.chance = random.Random(seed)  # noqa: S311 - it decides no secret
        self.offered = 0
        self.kept: list[bytes] = []

    def offer(self, line: bytes) -> None:
        # Vitter's algorithm R.
        place = len(self.kept) if self.offered < self.size else self.chance.randrange(self.offered + 1)
        if place < self.size:
            self.kept[place : place + 1] = [line]
        self.offered += 1

    def lines(self, chunk: Chunk) -> list[bytes]:
        return [self.kept[place] for place in chunk.photographs]


class Spool:
    """The strokes of each shard to be, a file each; a split has one open at a time."""

    def __init__(self, workspace: Workspace, options: Options, stack: ExitStack) -> None:
        self.workspace = workspace
        self.options = options
        self.stack = stack
        self.open: dict[str, tuple[BinaryIO, ShardPlan]] = {}
        self.begun: list[ShardPlan] = []
        workspace.strokes(0).parent.mkdir(parents=True)

    def add(self, photograph: Photograph, line: bytes) -> None:
        split = photograph.split
        if split not in self.open or self._is_full(self.open[split][1]):
            self._begin(split)
        file, shard = self.open[split]
        file.write(line)
        maps = shard.maps + len(photograph.strokes)
        grown = replace(shard, photographs=shard.photographs + 1, maps=maps)
        self.open[split] = file, grown
        self.begun[shard.strokes] = grown

    def _is_full(self, shard: ShardPlan) -> bool:
        return (shard.maps if self.options.per_player else shard.photographs) >= self.options.per_shard

    def _begin(self, split: str) -> None:
        if split in self.open:
            self._end(self.open[split][0])
        number = len(self.begun)
        file = self.stack.enter_context(self.workspace.strokes(number).open("wb"))
        self.begun.append(ShardPlan("", split, number, 0, 0))
        self.open[split] = file, self.begun[-1]

    def _end(self, file: BinaryIO) -> None:
        file.flush()
        os.fsync(file.fileno())
        file.close()

    def finish(self) -> None:
        """Have everything that was added safe on disk."""
        for file, _ in self.open.values():
            self._end(file)
        settle(self.workspace.strokes(0).parent)

    def shards(self) -> list[ShardPlan]:
        """Everything that was begun, named: split after split."""
        named = []
        for split in (*SPLITS, UNSPLIT):
            members = [shard for shard in self.begun if shard.split == split]
            named += [
                replace(shard, name=self.options.writer().file_name(split, number, len(members)))
                for number, shard in enumerate(members)
            ]
        return named


def facts(tally: Tally, options: Options, version: str) -> dict[str, Any]:
    return {
        "version": version,
        "format": options.format,
        "has_images": options.has_images,
        "has_maps": options.writer().has_maps,
        "per_player": options.per_player,
        "recipe": asdict(options.recipe),
        "options": options.as_dict(),
        "left_out": [asdict(line) for line in tally.left_out(options.selection)],
        "photographs": tally.photographs,
        "rounds": tally.rounds,
        "players": len(tally.players),
        "bubbles": tally.bubbles,
        "classes": {split: dict(sorted(tally.classes[split].items())) for split in sorted(tally.classes)},
        "outcomes": dict(in_order(tally.outcomes)),
        "pointers": dict(in_order(tally.pointers)),
        "partners": dict(in_order(tally.partners)),
        "rules": [(json.loads(rules), rounds) for rules, rounds in in_order(tally.rules)],
        "consents": dict(in_order(tally.consents)),
        "licences": dict(in_order(tally.licences)),
        "first_round": tally.first_round,
        "last_round": tally.last_round,
        "licence": options.licence,
    }
