"""What was found, and whether it is what was wanted."""

import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

COPY, EACH, LOG, SOCKET = "abcd"
WAYS: Final = {
    COPY: "COPY, committed in chunks as large as the log's",
    EACH: "an INSERT and a commit per batch, 24 threads",
    LOG: "the log",
    SOCKET: "the log, through the socket",
}
OF_COPY, TIMES_EACH = 0.5, 10.0  # of the log, at least


@dataclass
class Results:
    """Bubbles a second by way and batch size, one of each pass; and batches in a commit of the log."""

    speeds: defaultdict[tuple[str, int], list[float]] = field(default_factory=lambda: defaultdict(list))
    commits: defaultdict[int, list[float]] = field(default_factory=lambda: defaultdict(list))

    @property
    def sizes(self) -> list[int]:
        return sorted({size for _, size in self.speeds})

    def ratio(self, one: str, other: str, size: int) -> tuple[float, float, float]:
        """How many times as fast one way is as the other, pass by pass: median, least and most."""
        pairs = zip(self.speeds[one, size], self.speeds[other, size], strict=True)
        ratios = [a / b for a, b in pairs]
        return statistics.median(ratios), min(ratios), max(ratios)
