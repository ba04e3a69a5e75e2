"""The table of docs/reliability.md: a row for each thing that was broken."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from chaos.truth import Tally

PROPERTY: Final = "chaos"  # of a test's report: one for each row
COLUMNS: Final = (
    "what was broken",
    "times",
    "players",
    "rounds",
    "bubbles acknowledged",
    "stored",
    "lost",
    "ended or paid twice",
)

Record = Callable[[str, object], None]  # pytest's record_property


@dataclass(frozen=True)
class Row:
    what: str  # was broken
    times: int
    tally: Tally

    def note(self, record_property: Record) -> None:
        """Have it in the report of the test that runs."""
        cells = [self.what, *(f"{figure:,}" for figure in (self.times, *asdict(self.tally).values()))]
        record_property(PROPERTY, json.dumps(cells, ensure_ascii=False))


def table(properties: Sequence[tuple[str, Any]]) -> Iterator[str]:
    """In Markdown, of the properties of reports."""
    yield f"| {' | '.join(COLUMNS)} |"
    yield "|---|" + "---:|" * (len(COLUMNS) - 1)
    for name, row in properties:
        if name == PROPERTY:
            yield f"| {' | '.join(json.loads(row))} |"
