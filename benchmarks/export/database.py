"""A home as months of play leave it, written in minutes: tables by COPY, photographs as files.

What goes into it is drawn in `play.py` and `strokes.py`. No more is in memory at a time than the list of
rounds and the strokes of a few thousand.
"""

import hashlib
import io
import json
import shutil
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import psycopg2
from numpy.typing import NDArray

from clickme.catalogue.categories import all_categories
from clickme.catalogue.demo import demo_photographs
from clickme.catalogue.prepare import prepare
from clickme.catalogue.service import seed_categories
from clickme.catalogue.store import photograph_path
from clickme.game.rules import Rules
from clickme.kit.database import Database
from clickme.kit.home import Home
from clickme.settings import Limits

from .play import CLASSES, Play, Size, play
from .strokes import paint

RULES = Rules()
BATCH = 2  # bubbles in a frame, as the page sends them
AT_ONCE = 4096  # rounds or photographs in memory
OPENED = np.datetime64("2026-01-05T09:00:00", "ms")
BETWEEN_ROUNDS = 30_000  # ms: 25 weeks at the paper's size
PARTNER = f"resnet50@{hashlib.sha256(b'benchmark').hexdigest()}"
POINTERS = {"mouse": 0.7, "touch": 0.25, "pen": 0.04, "keyboard": 0.01}
BYTES_A_PHOTOGRAPH = 120_000  # of disk: its file, its rows, its records, and as much to work with

# PostgreSQL's binary COPY: the signature, no flags and no extension; in the end, a row of -1 fields.
COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TAIL = b"\xff\xff"
COPY_BUBBLES = "COPY bubble_batches (round_id, first_index, xyt) FROM STDIN (FORMAT binary)"
# A row of bubble_batches: how many fields, and each after its length.
ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("round_size", ">i4"),
        ("round", ">i8"),
        ("index_size", ">i4"),
        ("index", ">i2"),
        ("xyt_size", ">i4"),
        ("xyt", "<i2", (BATCH, 3)),
    ]
)

Report = Callable[[str], None]


class Cursor(Protocol):
    """What is used here of psycopg2's."""

    def execute(self, query: str, parameters: Sequence[Any] = ...) -> None: ...
    def copy_expert(self, sql: str, file: Any) -> None: ...


@dataclass(frozen=True)
class Made:
    """What a home was filled with; written down in it, so that it can be used again."""

    fraction: str
    seed: int
    photographs: int
    maps: int
    rounds: int
    bubbles: int

    def keep(self, home: Home) -> None:
        _note(home).write_text(json.dumps(asdict(self)))

    @classmethod
    def of(cls, home: Home) -> "Made | None":
        """What `home` was filled with; None if it was not, or not to the end."""
        return cls(**json.loads(_note(home).read_text())) if _note(home).exists() else None


def _note(home: Home) -> Path:
    return home.root / "benchmark.json"


def refuse_if_full(folder: Path, photographs: int) -> None:
    """`SystemExit` if the disk of `folder` has no room for that many photographs and their export."""
    free, needed = shutil.disk_usage(folder).free, photographs * BYTES_A_PHOTOGRAPH
    if free < needed:
        raise SystemExit(f"{folder} has {free / 1e9:.1f} GB left; {needed / 1e9:.1f} GB are needed.")


def fill(url: str, home: Home, fraction: Fraction, seed: int, report: Report) -> Made:
    """Fill an empty home whose Postgres is at `url`."""
    chance = np.random.default_rng([seed, 0])
    size = Size.of(fraction)
    refuse_if_full(home.root, size.photographs)
    report(f"Drawing who played what: {size.maps:,} maps")
    played = play(size, RULES.most_bubbles, chance)
    database = Database(url)
    database.migrate()
    with database.transaction() as session:
        seed_categories(session)
    database.close()
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            # What is written here is consistent: keys are not looked up one by one.
            cursor.execute("SET session_replication_role = replica")
            report(f"Writing {len(played.maps):,} photographs")
            _write_images(cursor, home.photographs, played, chance)
            points = _write_rounds(cursor, played, chance)
            _write_players(cursor, points)
            report(f"Writing {played.bubbles.sum():,} bubbles")
            _write_bubbles(cursor, played, seed)
            last_ids = {"images": len(played.maps), "players": size.players, "rounds": len(played.player)}
            for table, last_id in last_ids.items():
                cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", (table, last_id))
        connection.autocommit = True
        with connection.cursor() as cursor:
            report("VACUUM ANALYZE")
            cursor.execute("VACUUM ANALYZE")
            cursor.execute("CHECKPOINT")  # nothing of this is left to be done while something is timed
    finally:
        connection.close()
    made = Made(
        str(fraction), seed, size.photographs, size.maps, len(played.player), int(played.bubbles.sum())
    )
    made.keep(home)
    return made


def _write_images(cursor: Cursor, folder: Path, played: Play, chance: np.random.Generator) -> None:
    """Photographs as files and rows; and how many of each category have a map."""
    demo = [(source, prepare(source.path, Limits())) for source in demo_photographs()]
    wnids = [label.wnid for label in all_categories()]
    lots = chance.integers(0, 2**63, len(played.maps))
    for number in range(256):
        (folder / f"{number:02x}").mkdir(exist_ok=True)

    def row(number: int) -> tuple[object, ...]:
        source, jpeg = demo[number % len(demo)]
        class_index = int(played.class_index[number])
        return (
            number + 1,
            class_index,
            _write_photograph(folder, jpeg, number),
            hashlib.sha256(b"source %d" % number).hexdigest(),
            f"{wnids[class_index]}/{wnids[class_index]}_{number}.JPEG",
            source.licence,
            played.maps[number],
            played.nth_mapped[number] or None,
            lots[number],
        )

    columns = "id class_index sha256 source_sha256 source_path licence maps nth_mapped lot"
    with ThreadPoolExecutor() as threads:
        for first, last in _stretches(len(played.maps)):
            _copy(cursor, "images", columns, threads.map(row, range(first, last)))
    mapped = np.bincount(played.class_index[played.maps > 0], minlength=CLASSES)
    for class_index, number in enumerate(mapped.tolist()):
        cursor.execute("UPDATE categories SET mapped = %s WHERE class_index = %s", (number, class_index))


def _write_photograph(folder: Path, jpeg: bytes, number: int) -> str:
    """A photograph like no other: its number is a comment (COM) after the start. Gives its hash."""
    comment = b"photograph %d" % number
    own = jpeg[:2] + struct.pack(">HH", 0xFFFE, 2 + len(comment)) + comment + jpeg[2:]
    sha256 = hashlib.sha256(own).hexdigest()
    photograph_path(folder, sha256).write_bytes(own)
    return sha256


def _write_rounds(cursor: Cursor, played: Play, chance: np.random.Generator) -> NDArray[np.float64]:
    """Rounds and flags as the game leaves them; the points of each player."""
    rounds = len(played.player)
    begun = OPENED + np.arange(rounds) * BETWEEN_ROUNDS + chance.integers(0, 10_000, rounds)
    painted_ms = played.bubbles * RULES.tick_ms
    recognised = played.outcome == "recognised"
    recognised_ms = np.where(recognised, painted_ms, 0)
    lasted = np.where(played.outcome == "timeout", RULES.limit_ms, painted_ms)
    points = np.where(recognised, 1 - painted_ms / RULES.limit_ms, 0.0)
    pointers = chance.choice([*POINTERS], rounds, p=[*POINTERS.values()])
    rules = json.dumps(asdict(RULES))
    columns = "id player_id image_id dealt_at begun_at ended_at"
    columns += " outcome recognised_ms points rules partner pointer"
    for first, last in _stretches(rounds):
        here = slice(first, last)
        rows = zip(
            range(first + 1, last + 1),
            (played.player[here] + 1).tolist(),
            (played.photograph[here] + 1).tolist(),
            *(_times(times[here]) for times in (begun - 1500, begun, begun + lasted)),
            played.outcome[here].tolist(),
            (ms or None for ms in recognised_ms[here].tolist()),
            points[here].tolist(),
            [rules] * (last - first),
            [PARTNER] * (last - first),
            pointers[here].tolist(),
            strict=True,
        )
        _copy(cursor, "rounds", columns, rows)
    flagged = np.flatnonzero(played.outcome == "flagged")
    reasons = chance.choice(["label", "quality", "other"], len(flagged))
    at = _times((begun + lasted)[flagged])
    rows = zip((flagged + 1).tolist(), reasons.tolist(), at, strict=True)
    _copy(cursor, "flags", "round_id reason flagged_at", rows)
    paid = np.zeros(Size.players)
    np.add.at(paid, played.player, points)
    return paid


def _times(times: NDArray[np.datetime64]) -> list[str]:
    return [f"{time}Z" for time in np.datetime_as_string(times).tolist()]


def _write_players(cursor: Cursor, points: NDArray[np.float64]) -> None:
    rows = ((number, f"player {number}", "benchmark", paid) for number, paid in enumerate(points.tolist(), 1))
    _copy(cursor, "players", "id name consent_version points", rows)


def _write_bubbles(cursor: Cursor, played: Play, seed: int) -> None:
    for first, last in _stretches(len(played.player)):
        chance = np.random.default_rng([seed, 1, first])
        painted = paint(RULES, played.objects[played.photograph[first:last]], chance)
        rows = batches(first + 1, painted, played.bubbles[first:last])
        file = io.BytesIO(b"".join((COPY_HEAD, rows, COPY_TAIL)))
        cursor.copy_expert(COPY_BUBBLES, file)


def batches(first_id: int, painted: NDArray[np.int16], lengths: NDArray[np.int64]) -> bytes:
    """The rows of `bubble_batches`, in PostgreSQL's binary format, of rounds numbered from `first_id`.

    `painted` is int16 [rounds, most, 3], of which each round has the first `lengths` bubbles.
    """
    rounds, most, _ = painted.shape
    starts = np.arange(0, most, BATCH)
    there = starts < lengths[:, None]
    rows = np.zeros(int(there.sum()), dtype=ROW)
    rows["fields"] = 3
    rows["round_size"], rows["index_size"] = 8, 2
    rows["round"] = np.repeat(first_id + np.arange(rounds), there.sum(axis=1))
    rows["index"] = np.broadcast_to(starts, there.shape)[there]
    rows["xyt"] = painted.reshape(rounds, most // BATCH, BATCH, 3)[there]
    held = np.minimum(lengths[:, None] - starts, BATCH)[there]
    rows["xyt_size"] = held * 6
    # The last batch of a round may be a short one: its row ends sooner.
    ends = ROW.itemsize - (BATCH - held) * 6
    octets = rows.view(np.uint8).reshape(-1, ROW.itemsize)
    kept: NDArray[np.uint8] = octets[np.arange(ROW.itemsize) < ends[:, None]]
    return kept.tobytes()


def _stretches(length: int) -> Iterator[tuple[int, int]]:
    for first in range(0, length, AT_ONCE):
        yield first, min(first + AT_ONCE, length)


def _copy(cursor: Cursor, table: str, columns: str, rows: Iterable[Iterable[object]]) -> None:
    """PostgreSQL's text COPY. No value here has a tab, a line's end or a backslash."""
    lines = ("\t".join("\\N" if value is None else str(value) for value in row) for row in rows)
    file = io.StringIO("\n".join(lines))
    cursor.copy_expert(f"COPY {table} ({', '.join(columns.split())}) FROM STDIN", file)
