"""A data set of ten classes, painted by code: what networks are compared on where no person has painted yet.

Photographs of ILSVRC12 lie in a folder for each class, `<wnid>/*.JPEG`. Players made of code paint each of
them: they follow what a partner takes for evidence of its class (`clickme_partner.evidence`), by the brush's
laws. From their strokes on, everything is as in an export: maps, files, and how far the players agree.
"""

import hashlib
import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib.metadata import version
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clickme.catalogue.categories import by_wnid
from clickme.catalogue.prepare import SIDE, LeftOut, prepare, readable
from clickme.catalogue.store import keep
from clickme.export.beside import beside
from clickme.export.beside.sums import sha256sums
from clickme.export.facts import Facts
from clickme.export.formats import Damaged
from clickme.export.options import Options
from clickme.export.painted import Tally
from clickme.export.plan import SEED, Plan, Sample, Spool, facts
from clickme.export.reading import describe
from clickme.export.record import SPLITS, Photograph, Stroke
from clickme.export.service import Progress, done_by
from clickme.export.splits import KEY
from clickme.export.strokes import to_line
from clickme.export.work import Worker
from clickme.export.workspace import Workspace, clear, held, publish, refuse_others, writing
from clickme.game.rules import Rules
from clickme.kit.files import settle, whole
from clickme.kit.pictures import upright
from clickme.kit.problems import Problem
from clickme.maps import reliability
from clickme.maps.reliability import PHOTOGRAPHS, Reliability
from clickme.settings import Limits
from clickme.simulate.strokes import Point, evidence, follow
from clickme_partner.evidence import BATCH, Evidence
from clickme_partner.registry import Installed
from clickme_partner.view import centre

PLAYERS = 3
BUBBLES = 74  # of a round: 35 M bubbles / 472,946 maps (paper, section 2)
TRAIN, VALIDATION = 0.7, 0.1  # of each class; the rest is for the test, larger than an export's 5 %
PER_SHARD = 512  # photographs
RULES = Rules()


@dataclass(frozen=True)
class Source:
    """A photograph as it lies in its class's folder."""

    path: Path
    wnid: str
    place: bytes  # where it stands among all photographs, by the same keyed hash as in an export
    split: str

    @property
    def image_id(self) -> str:
        return f"{self.wnid}/{self.path.name}"


def paint(
    photographs: Path,
    out: Path,
    partner: Installed,
    progress: Progress,
    *,
    players: int = PLAYERS,
    bubbles: int = BUBBLES,
    seed: int = 0,
) -> Facts:
    """Write a data set of the photographs in `photographs` to `out`, a new or an empty folder.

    `players` paint `bubbles` bubbles on each, from 1 to a round's 140, led by the evidence of `partner`. The
    same arguments give the same strokes and maps, as far as the partner's passes have the same bits. The
    folder is whole or hidden: `clickme.export.read` reads it when all is done. It is not to be passed on, for
    the photographs are ILSVRC12's.

    Problem `no_photographs`, `folder_not_empty`, `export_runs`, `cannot_write`, `worker_died`; LeftOut for a
    photograph that cannot be read. PartnerError as `Evidence` raises it.
    """
    sources = found(photographs)
    follows = Evidence(partner.path)
    workspace = Workspace(out.absolute())
    refuse_others(workspace, set())
    with held(workspace), writing(workspace.out):
        painted = paint_all(sources, follows, workspace, progress, players, bubbles, seed)
        said = {"study": "imagenette", "players": players, "bubbles": bubbles, "seed": seed}
        said |= {"evidence": named(partner), "photographs": digest(sources)}
        plan = planned(painted, workspace, said)
        done = done_by(Worker(workspace, prepared(workspace), Options()), plan, None, progress)
        finish(workspace, done)
    return done


def refuse_other(data: Path, photographs: Path, partner: Installed | None) -> None:
    """Problem `other_data` if `data` was painted on other photographs, or by the evidence of another partner.

    Without a partner anybody's will do. Problem `no_photographs`; `no_data_set` if `data` is none.
    """
    try:
        described = describe(data)
    except Damaged as damaged:
        raise Problem("no_data_set", f"{data} is no data set that can be read: {damaged}.") from None
    sources, said = found(photographs), described.options
    there = sum(shard.photographs for shard in described.shards)
    # A data set may not say which photographs they were.
    if there != len(sources) or said.get("photographs", digest(sources)) != digest(sources):
        raise Problem(
            "other_data",
            f"{data} was painted on other photographs than those in {photographs}: name another --out, or "
            "those.",
        )
    if partner is not None and said.get("evidence") != named(partner):
        raise Problem(
            "other_data",
            f"{data} was painted by the evidence of {said.get('evidence')}, and the partner is "
            f"{named(partner)}: name another --out, or a --home with that partner.",
        )


def named(partner: Installed) -> str:
    """The partner whose evidence is followed, as a data set has it."""
    return f"{partner.name}@{partner.sha256}"


def digest(sources: Sequence[Source]) -> str:
    """SHA-256 of all photographs with their classes and names, in hexadecimal."""
    lines = (f"{source.place.hex()} {source.image_id}\n" for source in sources)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def found(photographs: Path) -> list[Source]:
    """The photographs of a folder in the order of their places, in which classes are well mixed.

    Within each class, the first of that order are for training, then come those for validation and the test.
    Problem `no_photographs` if there is none, or no class of ILSVRC12.
    """
    sources: list[Source] = []
    for wnid in sorted(by_wnid().keys() & {folder.name for folder in photographs.glob("n*")}):
        placed = sorted((place(path), path) for path in (photographs / wnid).glob("*.JPEG"))
        for number, (at, path) in enumerate(placed):
            share = number / len(placed)
            split = SPLITS[(share >= TRAIN) + (share >= TRAIN + VALIDATION)]
            sources.append(Source(path, wnid, at, split))
    if not sources:
        raise Problem(
            "no_photographs",
            f"{photographs} holds no photographs as <wnid>/*.JPEG, like n01440764/1.JPEG. Name a folder that "
            "does.",
        )
    return sorted(sources, key=lambda source: source.place)


def place(path: Path) -> bytes:
    """As `clickme.export.splits.place` has it: a keyed SHA-256 of the file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256((KEY + digest).encode()).digest()


def paint_all(
    sources: Sequence[Source],
    follows: Evidence,
    workspace: Workspace,
    progress: Progress,
    players: int,
    bubbles: int,
    seed: int,
) -> Iterator[Photograph]:
    """Each photograph prepared, kept in the workspace, and painted by everybody."""
    for start in range(0, len(sources), BATCH):
        batch = sources[start : start + BATCH]
        jpegs = [enlarged(source.path) for source in batch]
        labels = [by_wnid()[source.wnid].class_index for source in batch]
        maps = follows.maps(np.stack([view(jpeg) for jpeg in jpegs]), np.array(labels))
        for source, jpeg, label, map_ in zip(batch, jpegs, labels, maps, strict=True):
            hands = [random.Random(f"{seed} {player} {source.image_id}") for player in range(players)]  # noqa: S311
            strokes = [stroke(player, map_, hand, bubbles) for player, hand in enumerate(hands)]
            sha256 = keep(prepared(workspace), jpeg)
            yield Photograph(source.split, source.image_id, sha256, label, source.wnid, strokes)
        progress.reading(start + len(batch))


def enlarged(path: Path) -> bytes:
    """The photograph as the game shows it, scaled up to 256 px first where it is smaller.

    The catalogue leaves such photographs out, as the paper did. A study on what there is takes them: a little
    softer than others, and all of them alike.
    """
    try:
        with readable(), Image.open(path) as image:
            photograph = upright(image).convert("RGB")
        file = BytesIO()
        at_least(SIDE, photograph).save(file, "BMP")
        return prepare(file.getvalue(), Limits())
    except LeftOut as left_out:
        raise LeftOut(left_out.reason, f"{path}: {left_out.message}") from None


def at_least(side: int, image: Image.Image) -> Image.Image:
    """The image, scaled up where its shorter side is under `side` px."""
    scale = side / min(image.size)
    if scale <= 1:
        return image
    return image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)


def view(jpeg: bytes) -> NDArray[np.uint8]:
    """All that a partner can see of a prepared photograph: uint8 [224, 224, 3]."""
    with Image.open(BytesIO(jpeg)) as photograph:
        return centre(np.asarray(photograph))


def stroke(player: int, map_: NDArray[np.floating], chance: random.Random, bubbles: int) -> Stroke:
    """What a player paints who follows the evidence: a bubble each tick."""
    cursors = evidence(map_)(RULES, np.zeros((0, 0), np.uint8), chance)
    xyt = [(*at, tick * RULES.tick_ms) for tick, at in enumerate(islice(brushed(cursors), bubbles))]
    return Stroke(player, np.array(xyt, dtype=np.int16), rules=asdict(RULES))


def brushed(cursors: Iterator[Point]) -> Iterator[tuple[int, int]]:
    """Where the brush goes after the cursor."""
    last = None
    for cursor in cursors:
        last = follow(RULES, last, cursor)
        yield last


def prepared(workspace: Workspace) -> Path:
    """The folder of the photographs while the data set is in the making."""
    return workspace.hidden / "photographs"


def planned(painted: Iterator[Photograph], workspace: Workspace, said: dict[str, Any]) -> Plan:
    """Have everything on disk that the workers need, and say what it is."""
    for former in ("strokes", "pairs", "built", "results"):
        shutil.rmtree(workspace.hidden / former, ignore_errors=True)
    options, tally, sample = Options(per_shard=PER_SHARD), Tally(), Sample(PHOTOGRAPHS, SEED)
    with ExitStack() as stack:
        spool = Spool(workspace, options, stack)
        for photograph in painted:
            count(photograph, tally)
            line = to_line(photograph)
            spool.add(photograph, line)
            if len(photograph.strokes) > 1:
                sample.offer(line)
        spool.finish()
    chunks = reliability.plan(len(sample.kept), SEED)
    for chunk in chunks:
        with whole(workspace.pairs(chunk.number)) as partial:
            partial.write_bytes(b"".join(sample.lines(chunk)))
    chosen = {"schema": options.schema, "per_shard": options.per_shard} | said
    known = facts(tally, options, version("clickme")) | {"options": chosen, "left_out": []}
    return Plan(chosen, spool.shards(), chunks, known)


def count(photograph: Photograph, tally: Tally) -> None:
    """As an export counts what it meets; there is no consent, no pointer and no outcome to count here."""
    tally.photographs += 1
    tally.classes.setdefault(photograph.split, Counter())[photograph.wnid] += 1
    tally.licences[""] += 1
    for stroke in photograph.strokes:
        tally.players.setdefault(stroke.player, len(tally.players))
        tally.rounds += 1
        tally.bubbles += len(stroke.xyt)
        tally.rules[json.dumps(stroke.rules)] += 1


def finish(workspace: Workspace, painted: Facts) -> None:
    """Write what lies beside the shards, and give everything its place.

    Of an export's files those for machines that read the shards; its card and its Croissant tell of people.
    """
    made = beside(painted)
    info = json.loads(made["dataset_info.json"]) | {"description": description(painted)}
    others = {
        "dataset_info.json": (json.dumps(info, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode(),
        "features.json": made["features.json"],
        "README.md": card(painted).encode(),
    }
    others["SHA256SUMS"] = sha256sums(painted.shards, others).encode()
    for name, content in others.items():
        with whole(workspace.built(name)) as partial:
            partial.write_bytes(content)
    for name in (*(shard.name for shard in painted.shards), *others):
        publish(workspace, name)
    settle(workspace.out)
    clear(workspace)


def card(painted: Facts) -> str:
    """README.md: that no person painted this."""
    return (
        "# Ten classes, painted by code\n\n"
        f"{description(painted)}\n\n"
        f"{agreement(painted.reliability)}\n\n"
        "The photographs are for research alone: these files are not to be passed on. All numbers are in "
        "`dataset_info.json`.\n"
    )


def description(painted: Facts) -> str:
    """What it is, where an export tells of people who played."""
    return (
        f"{painted.photographs:,} photographs of ILSVRC12, each painted by {painted.players} players made of "
        f"code, {painted.options['bubbles']} bubbles a round. They follow the class activation map of "
        f"the network {painted.options['evidence']}; no person painted, and nobody looked on. Photographs "
        f"under {SIDE} px were scaled up to it."
    )


def agreement(measured: Reliability | None) -> str:
    if measured is None or measured.rho is None or measured.null is None:
        return "How far players agree is not measured: that takes two players, and two photographs."
    return (
        f"Two players of one photograph agree with a Spearman's rho of {measured.rho:.3f}; two players of "
        f"two photographs, with {measured.null:.3f}."
    )
