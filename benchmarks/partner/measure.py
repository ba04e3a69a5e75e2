"""What is counted of simulated rounds: how long views waited for a verdict, and how many verdicts came.

A view waits from its arrival until the first verdict that speaks of it, or of a newer view of its round:
that is what a player feels. Times are seconds of `time.perf_counter`.
"""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Window(NamedTuple):
    """Views that come in it are measured, and verdicts that come in it are counted."""

    begin: float
    end: float

    def __contains__(self, moment: object) -> bool:
        return isinstance(moment, float) and self.begin <= moment < self.end


class Round:
    """A simulated round: which of its views wait, and what became of the others."""

    def __init__(self) -> None:
        self.waiting: deque[float] = deque()  # when they came
        self.waited: list[tuple[float, float]] = []  # when a view came, and how long it waited
        self.verdicts: list[float] = []  # when they came
        self.failed = 0
        self._answered = 0  # views

    def shown(self, moment: float) -> int:
        """A view came. Gives its number, from 1 on."""
        self.waiting.append(moment)
        return self._answered + len(self.waiting)

    def hear(self, number: int | None) -> None:
        """A verdict came of the view of this number, which answers all before it; None: a request failed."""
        now = time.perf_counter()
        if number is None:
            self.failed += 1
            return
        self.verdicts.append(now)
        while self._answered < number:
            came = self.waiting.popleft()
            self.waited.append((came, now - came))
            self._answered += 1

    def settled(self, moment: float) -> bool:
        """Whether all that came before this moment has its verdict."""
        return not self.waiting or self.waiting[0] >= moment


@dataclass(frozen=True)
class Found:
    """What some seconds at some number of rounds came to."""

    per_s: float  # verdicts
    p50: float  # ms from a view's arrival to its verdict
    p95: float
    p99: float
    jain: float  # how evenly rounds got verdicts: 1 all the same, 1/n all for one
    failed: int  # requests without a verdict
    unanswered: int  # views that had none when patience ended: as if it had come then
    shower: float  # cores that the program took which shows the views

    @classmethod
    def of(cls, rounds: Sequence[Round], window: Window, cpu_s: float, ended: float) -> "Found":
        """`cpu_s` of processor time went by until all was `ended`."""
        left = [ended - came for each in rounds for came in each.waiting if came in window]
        waited = [took for each in rounds for came, took in each.waited if came in window]
        verdicts = [sum(moment in window for moment in each.verdicts) for each in rounds]
        p50, p95, p99 = np.percentile([*waited, *left], (50, 95, 99)) * 1000
        return cls(
            per_s=sum(verdicts) / (window.end - window.begin),
            p50=float(p50),
            p95=float(p95),
            p99=float(p99),
            jain=jain(verdicts),
            failed=sum(each.failed for each in rounds),
            unanswered=len(left),
            shower=cpu_s,
        )


def jain(shares: Sequence[int]) -> float:
    """Jain's index of fairness: (sum x)^2 / (n sum x^2). 0 where nobody has anything."""
    squares = sum(share**2 for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else 0.0
