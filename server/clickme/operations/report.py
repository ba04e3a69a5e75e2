"""The state of a database as lines for people."""

from collections.abc import Iterable, Iterator, Sequence

from clickme.operations.figures import Figures, Stretch
from clickme.operations.verdicts import Verdict

SHOWN = 5  # of the log's stretches, the newest
UNITS = ("B", "kB", "MB", "GB", "TB")


def lines(found: Figures, judged: Iterable[Verdict]) -> Iterator[str]:
    yield f"PostgreSQL {found.server}, tables at version {found.revision}, {size(found.bytes)}"
    yield ""
    yield from columns(
        ("table", "rows, about", "size"),
        [(table.name, f"{table.rows:,}", size(table.bytes)) for table in found.tables],
    )
    yield ""
    yield from columns(
        ("stretch of the log", "rows, about", "size"),
        [(rounds(part), f"{part.rows:,}", size(part.bytes)) for part in found.stretches[-SHOWN:]],
    )
    if (more := len(found.stretches) - SHOWN) > 0:
        yield f"and {more} before"
    yield ""
    if found.days is None:
        yield "Too many rounds began in the last days to count them quickly."
    elif found.days:
        yield from columns(
            ("day, UTC", "rounds", "recognised", "bubbles, about"),
            [(str(d.day), f"{d.rounds:,}", f"{d.recognised:,}", f"{d.bubbles:,}") for d in found.days],
        )
    else:
        yield "No round began in the last days."
    yield ""
    for verdict in judged:
        yield f"{'ok  ' if verdict.well else 'LOOK'}  {verdict.about}: {verdict.says}"


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The first column to the left, figures to the right."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    for row in (head, *rows):
        figures = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        yield "  ".join((row[0].ljust(widths[0]), *figures))


def rounds(stretch: Stretch) -> str:
    return f"rounds {stretch.first or 0:,} to {stretch.end - 1:,}"


def size(number: int) -> str:
    """In powers of 1,000."""
    power = min(len(UNITS) - 1, (len(str(number)) - 1) // 3)
    return f"{number / 1000**power:,.{1 if power else 0}f} {UNITS[power]}"
