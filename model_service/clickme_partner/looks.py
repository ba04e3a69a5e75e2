"""A look: who looks, at what, and what they say of it."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt


class Looker(Protocol):
    """Who looks at a batch. Called from the engine's threads, and may block."""

    @property
    def version(self) -> str:
        """name@sha256 of the model, recorded with every round."""
        ...

    def logits(self, views: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Its belief, float32 [n, 1000], about `views` uint8 [n, 224, 224, 3]. PartnerError if it cannot."""
        ...

    def wake(self) -> None:
        """Make sure that it can look, if there is any doubt. PartnerError while it cannot."""
        ...

    def close(self) -> None: ...


class View(Protocol):
    """What there is to see of a round, unchanging."""

    @property
    def count(self) -> int:
        """How many of the round's bubbles it shows."""
        ...

    def into(self, row: npt.NDArray[np.uint8]) -> None:
        """Write it into `row`, uint8 [224, 224, 3]. PartnerError if there is nothing to show."""
        ...


@dataclass(frozen=True)
class Pixels:
    """A view that is composed already: uint8 [224, 224, 3]."""

    pixels: npt.NDArray[np.uint8]
    count: int = 0

    def into(self, row: npt.NDArray[np.uint8]) -> None:
        row[...] = self.pixels


@dataclass(frozen=True)
class Verdict:
    """What the partner believes, float32 [1000], about the view that showed `count` bubbles.

    `version` is name@sha256 of the model that looked.
    """

    count: int
    logits: npt.NDArray[np.float32]
    version: str

    def top(self, k: int) -> tuple[int, ...]:
        """The `k` most believed classes, best first, 0-based."""
        # Stable: equal beliefs come in class order, on every machine.
        return tuple(np.argsort(-self.logits, kind="stable")[:k].tolist())
