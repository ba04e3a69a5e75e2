"""What simulated rounds show: bundled photographs as code players paint them, a bubble more in each view."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clickme.game.rules import Rules
from clickme.partners.bundled import bundled
from clickme.partners.rounds import paint
from clickme_partner.view import centre, compose, ground

RULES = Rules()
STRIDE = 7  # bubbles, between two of the views that are composed beforehand


@dataclass(frozen=True)
class Painting:
    """A view, composed when its turn comes. `count` is the how-manieth view it is of its simulated player."""

    count: int
    centre: NDArray[np.uint8]
    ground: NDArray[np.uint8]
    bubbles: Sequence[tuple[int, int]]

    def into(self, row: NDArray[np.uint8]) -> None:
        compose(row, self.centre, self.ground, self.bubbles, RULES.reveal)


class Paintings:
    """Rounds without an end: a player who has painted a photograph whole goes on with the next one."""

    def __init__(self) -> None:
        photographs, _ = bundled()
        self._centres = [np.ascontiguousarray(centre(photograph)) for photograph in photographs]
        self._rounds = paint(RULES, photographs, strategies=["contrast"])

    def view(self, player: int, count: int) -> Painting:
        """The `count`-th view of a player, both from 1 on."""
        whole, bubbles = divmod(count - 1, RULES.most_bubbles)
        painted = self._rounds[(player + whole) % len(self._rounds)]
        middle = self._centres[painted.photograph]
        return Painting(count, middle, ground(RULES.fill, middle), painted.bubbles[: bubbles + 1])

    def composed(self) -> list[bytes]:
        """Views of all photographs at all stages, ready to be sent: the pixels of each, row by row."""
        row = np.empty_like(self._centres[0])
        ready = []
        for player in range(1, len(self._rounds) + 1):
            for count in range(1, RULES.most_bubbles + 1, STRIDE):
                self.view(player, count).into(row)
                ready.append(row.tobytes())
        return ready
