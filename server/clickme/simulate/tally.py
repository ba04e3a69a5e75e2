"""What is counted of a crowd: its rounds, how long it waited, what went wrong."""

import asyncio
from array import array
from collections import Counter, deque
from dataclasses import dataclass, field

import numpy as np

from clickme.game.rules import Rules
from clickme.simulate.rehearsal import Stroke


class Timings:
    """How long something took, each time."""

    def __init__(self) -> None:
        self._taken = array("d")

    def add(self, seconds: float) -> None:
        self._taken.append(seconds)

    def __len__(self) -> int:
        return len(self._taken)

    def in_ms(self) -> dict[str, float]:
        """p50, p95, p99 and max; nothing of nothing."""
        if not self._taken:
            return {}
        taken = np.array(self._taken) * 1000
        p50, p95, p99 = np.percentile(taken, (50, 95, 99))
        figures = {"p50": p50, "p95": p95, "p99": p99, "max": taken.max()}
        return {name: round(float(figure), 2) for name, figure in figures.items()}


@dataclass(eq=False)
class Painting:
    """A round as its player sees it, from the first press on. Counts are of bubbles, times the loop's."""

    round: int
    cookie: str  # its player's
    rules: Rules
    stroke: Stroke
    began: float
    painted: int = 0
    sent: int = 0  # over the connection there is now
    handed: int = 0  # ever, over any
    acknowledged: int = 0
    under_way: deque[tuple[int, float]] = field(
        default_factory=deque
    )  # bubbles with a frame, and when it went
    went: list[float] = field(default_factory=list)  # when each frame did
    outcome: str = ""  # as the server said it
    given_up: bool = False  # the server knew of no beginning
    points: float = 0.0  # in [0, 1]
    begun: asyncio.Event = field(default_factory=asyncio.Event)  # the server has said so
    over: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(
        default_factory=asyncio.Event
    )  # it is over, and all its bubbles are stored

    def lose(self) -> None:
        """What was under way may have arrived, or not."""
        self.under_way.clear()

    def nearest(self, moment: float) -> float:
        """When the frame went that went nearest to this moment."""
        return min(self.went, key=lambda at: abs(at - moment))


@dataclass
class Tally:
    """Times are taken while `measuring`: once all have come, until nobody begins another round."""

    paintings: list[Painting] = field(default_factory=list)
    acks: Timings = field(
        default_factory=Timings
    )  # from a frame to the first ack that counts all its bubbles
    verdicts: Timings = field(default_factory=Timings)  # from the frame that was recognised to the end
    late: Timings = field(default_factory=Timings)  # of this program, from when a frame was due until it went
    reconnects: int = 0
    errors: Counter[str] = field(default_factory=Counter)  # by code
    begun: int = 0  # rounds, while measuring
    finished: int = 0  # players who had every photograph
    measuring: bool = False

    @property
    def played(self) -> list[Painting]:
        """All but those that the server knew no beginning of: their photographs were pressed again."""
        return [each for each in self.paintings if not each.given_up or each.acknowledged]

    def press(self, painting: Painting) -> None:
        self.paintings.append(painting)
        self.begun += self.measuring

    def take(self, timings: Timings, seconds: float) -> None:
        if self.measuring:
            timings.add(seconds)
