"""One record of a data set: what a format is given to write, and what it gives back when it is read.

Nothing here knows the database: a trainer that only has the files reads them through this.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from clickme.maps import BUBBLE, Recipe, extent

SPLITS = ("train", "validation", "test")
UNSPLIT = "full"  # the one split of a data set that is not split


@dataclass(frozen=True)
class Stroke:
    """What one player painted on one photograph, in one round that counts."""

    player: int  # a number within this export, from 0; it says nothing of who that is
    xyt: NDArray[np.int16]  # [n, 3]: x, y in px of the photograph, t in ms since the round began
    outcome: str | None = None  # recognised or timeout
    recognised_ms: int | None = None
    begun_at: str | None = None  # ISO 8601, UTC
    pointer: str | None = None  # mouse, touch, pen or keyboard
    contest: int | None = None
    rules: dict[str, Any] = field(default_factory=dict)  # the game's, as they were for this round
    partner: str | None = None  # name@sha256 of the network that looked

    @property
    def bubble(self) -> int:
        """The side of a bubble's square in px, by the rules of the round."""
        return int(self.rules.get("bubble", BUBBLE))

    @property
    def bubbles(self) -> NDArray[np.int16]:
        """Where the bubbles are: int16 [n, 2], x and y in px of the photograph."""
        return self.xyt[:, :2]


@dataclass(frozen=True)
class Record:
    """A photograph with its map; with `player`, the map of that player alone.

    What a format has no room for is None, or empty, when it is read.
    """

    split: str  # train, validation, test; full where nothing was split
    image_id: str  # where the photograph came from: "n01440764/n01440764_10026.JPEG"
    label: int  # the class in the order of ILSVRC12, from 0
    wnid: str  # its WordNet 3.0 synset
    n_players: int  # players whose maps were averaged
    click_count: int  # bubbles of all of them
    bbox: tuple[int, int, int, int] | None = None  # y0 x0 y1 x1 of what was painted, before the blur
    heatmap: NDArray[np.floating] | None = None  # [256, 256], in the recipe's own unit
    image: bytes | None = None  # JPEG, 256x256 RGB
    player: int | None = None
    strokes: Sequence[Stroke] = ()


@dataclass(frozen=True)
class Photograph:
    """A photograph and the strokes that count towards its map, one or more."""

    split: str
    image_id: str
    sha256: str  # of the prepared JPEG
    label: int
    wnid: str
    strokes: Sequence[Stroke]

    def record(self, recipe: Recipe | None, image: bytes | None, *, player: int | None = None) -> Record:
        """The record of this photograph, its map made by `recipe`; without one, it has no map."""
        plain = Record(
            split=self.split,
            image_id=self.image_id,
            label=self.label,
            wnid=self.wnid,
            n_players=len(self.strokes),
            click_count=sum(len(stroke.xyt) for stroke in self.strokes),
            image=image,
            player=player,
            strokes=self.strokes,
        )
        if recipe is None:
            return plain
        sharp = recipe.sharp([(stroke.bubble, stroke.bubbles) for stroke in self.strokes])
        return replace(plain, bbox=extent(sharp), heatmap=recipe.heat(sharp))

    def by(self, stroke: Stroke) -> Self:
        """The photograph as one player painted it."""
        return replace(self, strokes=[stroke])
