"""What was found, as Markdown."""

from collections.abc import Iterator

from clickme_partner.cores import usable_cores

from ..partner.machine import processor
from ..partner.report import cell, titled
from .results import COPY, EACH, LOG, OF_COPY, TIMES_EACH, WAYS, Results


def pieces(results: Results, postgres: str) -> Iterator[str]:
    """The report, piece by piece."""
    yield (
        f"On {usable_cores()} cores of {processor().get('model name', 'a processor')}, which all share with "
        f"PostgreSQL {postgres}. Medians of the passes, and in brackets their least and most."
    )
    sizes = results.sizes
    heading = ["bubbles a second", *(f"batches of {size}" for size in sizes)]
    rows = [
        [name, *(cell(results.speeds[way, size], 0) for size in sizes)]
        for way, name in WAYS.items()
        if any(results.speeds[way, size] for size in sizes)
    ]
    yield titled("The same bubbles into the same table", [heading, *rows])
    carried = ", ".join(f"{cell(results.commits[size], 0)} batches of {size}" for size in sizes)
    yield f"A commit of the log carried {carried}."
    yield titled(
        "Beside what was wanted", [["wanted", "batches of", "found", ""], *targets(results)], right=False
    )


def targets(results: Results) -> Iterator[list[str]]:
    for other, least, wanted in (
        (COPY, OF_COPY, f"the log: {OF_COPY:g} of COPY's bubbles a second"),
        (EACH, TIMES_EACH, f"the log: {TIMES_EACH:g} times those of a commit per batch"),
    ):
        for size in results.sizes:
            middle, low, high = results.ratio(LOG, other, size)
            found = f"{middle:.2f} ({low:.2f}–{high:.2f})"
            yield [wanted, str(size), found, "met" if middle >= least else "**missed**"]
