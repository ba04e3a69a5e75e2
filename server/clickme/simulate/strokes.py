"""Strokes that a code player paints: paths for the brush, which obeys the same laws as a person's."""

import math
import random
from collections.abc import Iterator

from clickme.game.rules import Rules

Point = tuple[float, float]


def spiral(rules: Rules, chance: random.Random) -> Iterator[Point]:
    """Where the cursor is at each tick: outwards from near the middle, as wide apart as a reveal.

    Most photographs of ILSVRC12 have their object in the middle.
    """
    middle = rules.size / 2
    x0, y0 = middle + chance.gauss(0, 6), middle + chance.gauss(0, 6)
    turn, sense = chance.uniform(0, 2 * math.pi), chance.choice((-1, 1))
    pitch = rules.reveal * 0.8  # between two windings, px
    angle = 0.0
    while True:
        radius = pitch * angle / (2 * math.pi)
        yield x0 + radius * math.cos(turn + sense * angle), y0 + radius * math.sin(turn + sense * angle)
        angle += rules.step_px / math.hypot(radius, pitch / (2 * math.pi))


def follow(rules: Rules, last: tuple[int, int] | None, cursor: Point) -> tuple[int, int]:
    """Where the brush paints next: at the cursor, or one step towards it from its last bubble."""
    x, y = (min(max(c, 0), rules.size - 1) for c in cursor)
    if last is None:
        return round(x), round(y)
    dx, dy = x - last[0], y - last[1]
    far = math.hypot(dx, dy)
    if far > rules.step_px:
        dx, dy = dx * rules.step_px / far, dy * rules.step_px / far
    # Rounded towards the last bubble, a step is never longer than it was.
    return last[0] + math.trunc(dx), last[1] + math.trunc(dy)
