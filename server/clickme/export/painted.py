"""The photographs that have a map, streamed from the database with the rounds that made it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import LargeBinary, and_, exists, func, literal, select, text
from sqlalchemy.orm import Session

from clickme.catalogue.models import Category, Image
from clickme.export.splits import place, split
from clickme.game.models import COUNTING, BubbleBatch, Round

ROUNDS_AT_ONCE = 500  # fetched at a time: under a megabyte

# A round counts whether the partner recognised anything or not (paper 2.1), as long as something was painted.
COUNTS = and_(Round.outcome.in_(COUNTING), exists().where(BubbleBatch.round_id == Round.id))


@dataclass(frozen=True)
class Strokes:
    """What one player painted in one round. A player meets a photograph once, so a round is a player."""

    bubble: int  # px, the side of a bubble's square, by the rules of that round
    xyt: bytes  # little-endian int16 triples: x, y in px, t in ms

    @property
    def bubbles(self) -> NDArray[np.int16]:
        """Where the bubbles are: int16 [n, 2], x and y in px of the photograph."""
        return np.frombuffer(self.xyt, dtype="<i2").reshape(-1, 3)[:, :2]


@dataclass(frozen=True)
class Painted:
    """A photograph and the rounds that count towards its map, one or more."""

    split: str
    source_path: str
    sha256: str
    class_index: int
    wnid: str
    strokes: list[Strokes]


def begin_snapshot(session: Session) -> None:
    """Let everything read from here on be of one moment. `session` must not have read anything yet."""
    session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


def count_painted(session: Session) -> dict[str, int]:
    """How many photographs of each split have a map; a split without any is left out."""
    has_map = exists().where(Round.image_id == Image.id, COUNTS)
    splits = select(split(place(Image.source_sha256)).label("split")).where(has_map).subquery()
    counts = select(splits.c.split, func.count()).group_by(splits.c.split)
    return dict(session.execute(counts).all())


def stream_painted(session: Session) -> Iterator[Painted]:
    """Every photograph that has a map, in the order of places: split after split, and classes mixed.

    No more is in memory than one fetch and the rounds of one photograph.
    """
    where = place(Image.source_sha256)
    log = (
        select(func.string_agg(BubbleBatch.xyt, literal(b"", LargeBinary), type_=LargeBinary))
        .where(BubbleBatch.round_id == Round.id)
        .scalar_subquery()
    )
    rows = session.execute(
        select(
            split(where),
            Image.source_path,
            Image.sha256,
            Image.class_index,
            Category.wnid,
            Round.rules["bubble"].as_integer(),
            log,
        )
        .select_from(Image)
        .join(Category, Category.class_index == Image.class_index)
        .join(Round, Round.image_id == Image.id)
        .where(COUNTS)
        .order_by(where, Round.id)
        .execution_options(yield_per=ROUNDS_AT_ONCE)
    )
    for (name, path, sha256, class_index, wnid), rounds in groupby(rows, key=lambda row: row[:5]):
        strokes = [Strokes(bubble, xyt) for *_, bubble, xyt in rounds]
        yield Painted(name, path, sha256, class_index, wnid, strokes)
