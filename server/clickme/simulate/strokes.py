"""Strokes that a code player paints: paths for the brush, which obeys the same laws as a person's.

A strategy gives the cursor's place at each tick, without an end: from the rules, the photograph as uint8
[256, 256] grey levels, and a chance of the player's own.
"""

import math
import random
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clickme.game.rules import Rules
from clickme.maps import blur

Point = tuple[float, float]
Strategy = Callable[[Rules, NDArray[np.uint8], random.Random], Iterator[Point]]


def spiral(rules: Rules, photograph: NDArray[np.uint8], chance: random.Random) -> Iterator[Point]:
    """Outwards from near the middle, as wide apart as a reveal, whatever the photograph shows.

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


def contrast(rules: Rules, photograph: NDArray[np.uint8], chance: random.Random) -> Iterator[Point]:
    """To what stands out: from one place of high contrast to the next.

    Players who do so paint the same photograph much alike, each with a hand of its own, and different ones
    differently.
    """
    return towards(detail(photograph), rules, chance, start=(rules.size / 2, rules.size / 2))


def evidence(map_: NDArray[np.floating]) -> Strategy:
    """To what speaks for the photograph's class, as players do who want it recognised.

    `map_` [h, w] is how much each place of the photograph's middle 224 px speaks for it, as
    `clickme_partner.evidence` says; what speaks against it counts as nothing. Each player believes it in a
    way of its own, and begins where it believes most.
    """

    def strategy(rules: Rules, photograph: NDArray[np.uint8], chance: random.Random) -> Iterator[Point]:
        believed = [
            [max(float(value), 0.0) * math.exp(chance.gauss(0, 0.3)) for value in row] for row in map_
        ]
        worth = spread(np.array(believed))
        y, x = np.unravel_index(np.argmax(worth), worth.shape)
        pitch = rules.size / len(worth)
        return towards(worth, rules, chance, start=(float(x) * pitch, float(y) * pitch))

    return strategy


def spread(map_: NDArray[np.float64]) -> NDArray[np.float64]:
    """A map [h, w] of a photograph's middle 224 px, smoothly over all of it: float64 [64, 64], each 4 px."""
    fine = Image.fromarray(map_.astype(np.float32)).resize((56, 56), Image.Resampling.BILINEAR)
    return blur(np.pad(np.asarray(fine), 4), size=7, sigma=2.0)


def towards(
    worth: NDArray[np.float64], rules: Rules, chance: random.Random, *, start: Point
) -> Iterator[Point]:
    """From one place of high worth to the next, the near ones first; worth that is painted is gone.

    `worth` is [n, n], never negative, its places evenly over the photograph.
    """
    left = worth.copy()
    pitch = rules.size / len(worth)
    rows, columns = (np.indices(left.shape) + 0.5) * pitch - 0.5  # the middle of each place, px
    x, y = start
    while True:
        near = np.exp(-np.hypot(rows - y, columns - x) / (rules.size / 4))
        best = np.unravel_index(np.argmax(left * near), left.shape)
        to_y, to_x = float(rows[best]), float(columns[best])
        left *= 1 - np.exp(-((rows - to_y) ** 2 + (columns - to_x) ** 2) / (2 * rules.reveal**2))
        to_x, to_y = to_x + chance.gauss(0, 3), to_y + chance.gauss(0, 3)
        steps = max(1, math.ceil(math.hypot(to_x - x, to_y - y) / rules.step_px))
        for step in range(1, steps + 1):
            yield x + (to_x - x) * step / steps, y + (to_y - y) * step / steps
        x, y = to_x, to_y


def detail(photograph: NDArray[np.uint8]) -> NDArray[np.float64]:
    """How much happens around each pixel: the blurred slope of the greys, float64 [256, 256] in [0, 1]."""
    down, right = np.gradient(photograph.astype(np.float64) / 255)
    return blur(np.hypot(down, right), size=25, sigma=8.0)


def wander(rules: Rules, photograph: NDArray[np.uint8], chance: random.Random) -> Iterator[Point]:
    """Anywhere, at random: turning as it goes, and back from the edges. Nobody paints as another does."""
    x, y = chance.uniform(0, rules.size), chance.uniform(0, rules.size)
    heading = chance.uniform(0, 2 * math.pi)
    while True:
        yield x, y
        heading += chance.gauss(0, 0.3)
        x, y = x + rules.step_px * math.cos(heading), y + rules.step_px * math.sin(heading)
        if not (0 <= x < rules.size and 0 <= y < rules.size):
            x, y = min(max(x, 0), rules.size - 1), min(max(y, 0), rules.size - 1)
            heading = math.atan2(rules.size / 2 - y, rules.size / 2 - x)


STRATEGIES: dict[str, Strategy] = {"spiral": spiral, "contrast": contrast, "wander": wander}
# They paint alike whatever the photograph shows.
BLIND: frozenset[Strategy] = frozenset({spiral, wander})


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
