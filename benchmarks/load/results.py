"""What was found, and whether it is what was wanted."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from clickme.simulate.report import Report

MOST_P99_MS: Final = 250.0  # for an ack
WANTED: Final = 1_000  # players on a core


@dataclass(frozen=True)
class Found:
    """What some number of players came to. Shares are of one core, `memory` is bytes of the server.

    `others` is what programs that have nothing to do with this took of the server's core.
    """

    report: Report
    server: float
    client: float
    postgres: float
    others: float
    memory: int

    @property
    def p99(self) -> float:
        """ms, of acks."""
        return self.report.ack_ms.get("p99", float("inf"))

    @property
    def well(self) -> bool:
        """Whether all acks came in time, and nothing was lost or refused."""
        return self.p99 <= MOST_P99_MS and self.report.whole and not self.report.errors


Results = dict[str, dict[int, list[Found]]]  # by system and number of players


def carried(found: dict[int, list[Found]]) -> int:
    """The largest number of players that went well, most times that it was tried; 0 if none did."""
    return max((n for n, each in found.items() if statistics.median(f.well for f in each) == 1), default=0)


def median(found: list[Found], figure: Callable[[Found], float]) -> float:
    return statistics.median(map(figure, found))
