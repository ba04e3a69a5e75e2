"""Strokes that are painted before they are needed: a crowd has no time to think while it plays."""

import asyncio
import hashlib
import io
import random
from itertools import islice
from typing import Final

import numpy as np
from PIL import Image

from clickme.game.rules import Rules
from clickme.simulate.strokes import BLIND, Strategy, follow

Stroke = tuple[bytes, ...]
"""A whole round: each of its bubbles as a frame says it, b"x,y,t"."""

HANDS: Final = 4  # that paint a photograph, each in its own way,
BLIND_HANDS: Final = 64  # and where a strategy does not look, all photographs
MOST_KNOWN: Final = 500  # photographs


class Rehearsal:
    """Strokes of the photographs that were seen last. A photograph is decoded once, however many paint it."""

    def __init__(self, strategy: Strategy, seed: int = 0) -> None:
        self._strategy, self._seed = strategy, seed
        self._known: dict[tuple[Rules, bytes], list[Stroke]] = {}

    async def stroke(self, rules: Rules, jpeg: bytes, chance: random.Random) -> Stroke:
        """One of the strokes for a photograph, a JPEG of 256x256 px."""
        shown = b"" if self._strategy in BLIND else jpeg
        known = rules, hashlib.sha256(shown).digest()
        if known not in self._known:
            painted = await asyncio.to_thread(self._paint, rules, shown)
            if len(self._known) >= MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[known] = painted
        return chance.choice(self._known[known])

    def _paint(self, rules: Rules, jpeg: bytes) -> list[Stroke]:
        if jpeg:
            with Image.open(io.BytesIO(jpeg)) as photograph:
                greys = np.asarray(photograph.convert("L"))
        else:
            greys = np.zeros((rules.size, rules.size), np.uint8)
        chance = random.Random(f"{self._seed} {hashlib.sha256(jpeg).hexdigest()}")  # noqa: S311 - no secret
        hands = HANDS if jpeg else BLIND_HANDS
        return [
            spoken(rules, [*islice(self._strategy(rules, greys, chance), rules.most_bubbles)])
            for _ in range(hands)
        ]


def spoken(rules: Rules, cursors: list[tuple[float, float]]) -> Stroke:
    """The bubbles of a brush that follows these cursors, one each tick."""
    stroke: list[bytes] = []
    last: tuple[int, int] | None = None
    for tick, cursor in enumerate(cursors):
        last = follow(rules, last, cursor)
        stroke.append(b"%d,%d,%d" % (*last, tick * rules.tick_ms))
    return tuple(stroke)


def frame(round_id: int, stroke: Stroke, first: int, end: int) -> bytes:
    """The message that says the bubbles from `first` up to, not with, `end`."""
    return b'{"t":"bubbles","round":%d,"n":%d,"xyt":[%b]}' % (round_id, first, b",".join(stroke[first:end]))
