"""The rows that all ways write: batches of bubbles of many rounds that run at once."""

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from itertools import islice
from typing import Final, NamedTuple

import numpy as np
from sqlalchemy import text

from clickme.catalogue.service import seed_categories
from clickme.game.rules import Bubble, Rules
from clickme.kit.database import Database
from clickme.simulate.strokes import follow, wander

RULES: Final = Rules()
SERVER: Final = "benchmark"  # that runs the rounds
STROKES: Final = 64  # different ones

PEOPLE = text(
    """
    INSERT INTO players (name, consent_version, points)
    SELECT 'player ' || i, 'benchmark', 0 FROM generate_series(1, :rounds) AS i
    """
)
PHOTOGRAPH = text(
    """
    INSERT INTO images (class_index, sha256, source_sha256, source_path, maps, lot)
    VALUES (0, repeat('0', 64), repeat('0', 64), '', 1000000, 0) RETURNING id
    """
)
ROUNDS = text(
    """
    INSERT INTO rounds (player_id, image_id, rules, begun_at, served_by)
    SELECT id, :image, CAST(:rules AS jsonb), now() + interval '1 year', :server FROM players RETURNING id
    """
)


class Row(NamedTuple):
    """A batch that came `arrived_ms` into its round."""

    round: int
    first: int
    bubbles: list[Bubble]
    arrived_ms: int


@dataclass(frozen=True)
class Rows:
    """`rounds` are painted at once, by brushes that keep in step; a batch holds `size` bubbles."""

    rounds: tuple[int, ...]
    size: int

    def of(self, round_id: int) -> Iterator[Row]:
        """The batches of a round, in order."""
        painted = stroke(round_id % STROKES)
        for first in range(0, RULES.most_bubbles, self.size):
            bubbles = painted[first : first + self.size]
            yield Row(round_id, first, bubbles, bubbles[-1].t)

    def __iter__(self) -> Iterator[Row]:
        """As they come: the first of all rounds, then the second of all."""
        for together in zip(*map(self.of, self.rounds), strict=True):
            yield from together


@cache
def stroke(number: int) -> list[Bubble]:
    """A whole round's bubbles."""
    bubbles: list[Bubble] = []
    nothing = np.zeros((RULES.size, RULES.size), np.uint8)
    cursors = islice(wander(RULES, nothing, random.Random(number)), RULES.most_bubbles)
    for tick, cursor in enumerate(cursors):
        last = (bubbles[-1].x, bubbles[-1].y) if bubbles else None
        bubbles.append(Bubble(*follow(RULES, last, cursor), tick * RULES.tick_ms))
    return bubbles


def begin_rounds(database: Database, count: int) -> tuple[int, ...]:
    """So many rounds, each of a player of its own; their ids. No server takes them for overdue."""
    with database.transaction() as session:
        seed_categories(session)
        session.execute(PEOPLE, {"rounds": count})
        image = session.scalar(PHOTOGRAPH)
        values = {"image": image, "rules": json.dumps(asdict(RULES)), "server": SERVER}
        return tuple(session.scalars(ROUNDS, values))
