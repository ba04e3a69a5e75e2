"""The rules of the game, and the brush's laws. Pure: no clock, no database, no socket.

Where a figure comes from is said beside it; "the original" is the game behind the paper's data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from clickme_partner.view import Fill


class Bubble(NamedTuple):
    """A 14x14 px square on the cursor: px in the photograph, ms since the round began."""

    x: int
    y: int
    t: int


class Refusal(Exception):
    """What the rules do not allow. `code` is stable; the message says what the rule is."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Rules:
    """Recorded with every round, so that a number can be traced to the game it came from."""

    size: int = 256  # px, the photograph's side (the original)
    bubble: int = 14  # px, a bubble's side (paper 2)
    reveal: int = 21  # px, the side of what a bubble shows the partner (paper 2)
    fill: Fill = "mean"  # the rest of the partner's view (the original: noisy-dark; the paper says no more)
    tick_ms: int = 50  # a bubble at most each tick (the original)
    step_px: int = 7  # px, between a bubble and the next (the original)
    limit_ms: int = 7000  # a round's length (paper 2)
    top_k: int = 5  # recognised: the label is among the partner's first five (paper 2)

    @property
    def most_bubbles(self) -> int:
        """One in each tick of a whole round: 140."""
        return self.limit_ms // self.tick_ms


# How far a browser's clock may run before the server's: `begin` may have taken longer on its way than the
# bubbles after it. Points are safe from it: `earliest_ms` bounds them whatever a browser says.
LEAD_MS = 1000
# How long after a round's end its bubbles are still welcome: they were painted before the browser heard.
LATE_MS = 2000


def earliest_ms(rules: Rules, count: int) -> int:
    """When the brush can have painted its `count`-th bubble at the soonest, in ms since the beginning."""
    return rules.tick_ms * (count - 1)


def points(rules: Rules, recognised_ms: int) -> float:
    """The share of the time left at the moment of recognition, in [0, 1] (paper 2)."""
    return max(0.0, 1.0 - recognised_ms / rules.limit_ms)


def check(rules: Rules, last: Bubble | None, bubbles: Sequence[Bubble], elapsed_ms: float) -> None:
    """Refuse bubbles that no brush can have painted after `last`, `elapsed_ms` into the round.

    Refusal `off_canvas`, `backwards`, `too_fast`, `too_far`, `too_late`: none of the bubbles counts.
    """
    for bubble in bubbles:
        if not (0 <= bubble.x < rules.size and 0 <= bubble.y < rules.size):
            raise Refusal(
                "off_canvas", f"Bubble ({bubble.x}, {bubble.y}) is not on the {rules.size} px photograph."
            )
        if bubble.t < 0 or (last and bubble.t < last.t):
            raise Refusal("backwards", f"A bubble at {bubble.t} ms is earlier than the one before it.")
        if bubble.t >= rules.limit_ms:
            raise Refusal("too_late", f"A bubble at {bubble.t} ms is after the round's {rules.limit_ms} ms.")
        if bubble.t > elapsed_ms + LEAD_MS:
            raise Refusal("too_fast", f"A bubble at {bubble.t} ms is ahead of the server's clock.")
        if last is not None:
            if bubble.t // rules.tick_ms <= last.t // rules.tick_ms:
                raise Refusal("too_fast", f"More than one bubble within one tick of {rules.tick_ms} ms.")
            if (bubble.x - last.x) ** 2 + (bubble.y - last.y) ** 2 > rules.step_px**2:
                raise Refusal("too_far", f"A bubble is more than {rules.step_px} px from the one before it.")
        last = bubble
