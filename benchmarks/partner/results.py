"""What was found in all turns."""

import statistics
from collections import defaultdict
from dataclasses import dataclass, field

from .measure import Found

# By form and system.
Figures = defaultdict[tuple[str, str], list[float]]


def figures() -> Figures:
    return defaultdict(list)


@dataclass
class Results:
    """A figure of each turn in every list."""

    points: defaultdict[tuple[str, str, int], list[Found]] = field(default_factory=lambda: defaultdict(list))
    alone: defaultdict[tuple[str, int], list[float]] = field(default_factory=lambda: defaultdict(list))
    lone: Figures = field(default_factory=figures)  # ms, of lone views, the turn's median
    before: Figures = field(default_factory=figures)  # bytes, when the load begins, with all rounds warm
    after: Figures = field(default_factory=figures)  # bytes, when it ends
    saturated: Figures = field(default_factory=figures)  # verdicts/s side by side, one of each pass
    said: list[str] = field(default_factory=list)  # what a reader has to know besides

    def limit(self, form: str) -> tuple[int, float]:
        """The batch at which onnxruntime alone is quickest, and its views a second."""
        speeds = {batch: statistics.median(each) for (of, batch), each in self.alone.items() if of == form}
        best = max(speeds, key=lambda batch: speeds[batch])
        return best, speeds[best]

    def ratio(self, one: tuple[str, str], other: tuple[str, str]) -> tuple[float, float, float]:
        """How many times as many verdicts one has as the other, pass by pass: median, and quartiles."""
        ratios = [a / b for a, b in zip(self.saturated[one], self.saturated[other], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return middle, low, high

    def forms(self) -> list[str]:
        return list(dict.fromkeys(form for form, _ in self.alone))

    def systems(self, form: str) -> list[str]:
        """Those that were put under load."""
        return sorted({system for of, system, _ in self.points if of == form})

    def rounds(self) -> list[int]:
        """The numbers of them."""
        return sorted({rounds for _, _, rounds in self.points})

    def each(self, form: str, system: str, rounds: int, figure: str) -> list[float]:
        """A figure of `Found`, of each turn."""
        return [float(getattr(found, figure)) for found in self.points[form, system, rounds]]

    def median(self, form: str, system: str, rounds: int, figure: str) -> float:
        return statistics.median(self.each(form, system, rounds, figure))
