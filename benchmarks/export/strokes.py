"""Strokes as a brush paints them, under the laws of `game/rules.py`, thousands of rounds at a time."""

import numpy as np
from numpy.typing import NDArray

from clickme.game.rules import Rules

STIFFNESS, DRAG, PUSH = 0.02, 0.25, 6.0  # of the hand: each tick, px
AIM = 10.0  # px, where on the object a hand begins, as a standard deviation
LATE = 16  # ms, a timer rings up to a screen's frame late


def paint(rules: Rules, objects: NDArray[np.float64], chance: np.random.Generator) -> NDArray[np.int16]:
    """Whole rounds: int16 [rounds, most_bubbles, 3], the x and y in px and the t in ms of each bubble.

    `objects` is float64 [rounds, 2], the x and y in px that each round's strokes are about. The cursor is a
    mass on a spring around it, pushed at random: it wanders smoothly, and mostly faster than the brush, which
    follows it by at most a step each tick. A shorter round is the beginning of such a one.
    """
    rounds = len(objects)
    bubbles = np.empty((rounds, rules.most_bubbles, 3), dtype=np.int16)
    ticks = np.arange(rules.most_bubbles) * rules.tick_ms
    bubbles[:, :, 2] = ticks + chance.integers(0, LATE, (rounds, rules.most_bubbles))
    cursor = objects + chance.normal(0, AIM, (rounds, 2))
    speed = np.zeros((rounds, 2))
    brush = _on_canvas(rules, np.rint(cursor))
    for tick in range(rules.most_bubbles):
        bubbles[:, tick, :2] = brush
        speed += chance.normal(0, PUSH, (rounds, 2)) - STIFFNESS * (cursor - objects) - DRAG * speed
        cursor += speed
        way = _on_canvas(rules, cursor) - brush
        far = np.hypot(way[:, 0], way[:, 1])
        # Rounded towards the last bubble, a step is never longer than it was.
        brush += np.trunc(way * (rules.step_px / np.maximum(far, rules.step_px))[:, None])
    return bubbles


def _on_canvas(rules: Rules, places: NDArray[np.float64]) -> NDArray[np.float64]:
    return places.clip(0, rules.size - 1)
