"""Results as Markdown: the median of the turns, and in brackets the least and the most of them."""

import statistics
from collections.abc import Iterator, Sequence

from .machine import described
from .results import Results
from .systems import ALONE, GAME, SYSTEMS
from .targets import targets

Rows = list[list[str]]

MEASURES = {
    "per_s": ("verdicts a second", 1),
    "p50": ("p50, ms from a view's arrival to its verdict", 0),
    "p95": ("p95, ms", 0),
    "p99": ("p99, ms", 0),
    "jain": ("Jain's index of how evenly rounds got verdicts", 3),
}


def report(results: Results) -> Iterator[str]:
    """The pieces of the report, one after the other."""
    yield f"On {described()}. Median of the turns, and in brackets their least and most."
    yield titled("onnxruntime alone, views a second", limits(results))
    yield titled("Saturated, verdicts a second, side by side", saturated(results))
    for form in results.forms():
        for figure, (title, digits) in MEASURES.items():
            yield titled(f"{form}: {title}", by_rounds(results, form, figure, digits))
    yield titled("A lone view with pauses between, ms", lone(results))
    yield titled("Memory, MB, with all rounds warm, and at the end of the turn", memory(results))
    yield titled("Beside what was wanted", [["wanted", "form", "found", ""], *targets(results)], right=False)
    yield "\n".join(f"- {remark}" for remark in remarks(results))


def limits(results: Results) -> Rows:
    batches = sorted({batch for _, batch in results.alone})
    heading = ["batch", *map(str, batches)]
    return [
        heading,
        *([form, *(cell(results.alone[form, b], 1) for b in batches)] for form in results.forms()),
    ]


def saturated(results: Results) -> Rows:
    forms = results.forms()
    systems = dict.fromkeys(system for _, system in results.saturated)
    return [
        ["", *forms],
        *(
            [SYSTEMS[system], *(cell(results.saturated[form, system], 1) for form in forms)]
            for system in systems
        ),
    ]


def by_rounds(results: Results, form: str, figure: str, digits: int) -> Rows:
    rows = [["rounds", *map(str, results.rounds())]]
    for system in results.systems(form):
        cells = [cell(results.each(form, system, rounds, figure), digits) for rounds in results.rounds()]
        rows.append([SYSTEMS[system], *cells])
    return rows


def lone(results: Results) -> Rows:
    forms = results.forms()
    return [
        ["", *forms],
        *(
            [SYSTEMS[system], *(cell(results.lone[form, system], 1) for form in forms)]
            for system in [ALONE, *results.systems(forms[0])]
        ),
    ]


def memory(results: Results) -> Rows:
    rows = [["", *(f"{form}, {when}" for form in results.forms() for when in ("warm", "end"))]]
    for system in results.systems(results.forms()[0]):
        held = [
            cell([bytes_ / 1e6 for bytes_ in when[form, system]], 0)
            for form in results.forms()
            for when in (results.before, results.after)
        ]
        rows.append([SYSTEMS[system], *held])
    return rows


def remarks(results: Results) -> Iterator[str]:
    """What a reader has to know about the figures above."""
    yield from results.said
    shower: dict[str, float] = {}
    for (form, system, rounds), points in results.points.items():
        for what in ("failed", "unanswered"):
            if worst := max(getattr(found, what) for found in points):
                yield f"{form}, {SYSTEMS[system]}, {rounds} rounds: up to {worst} {what} in a turn."
        shower[system] = max(shower.get(system, 0.0), *(found.shower for found in points))
    shower.pop(GAME, None)  # there one program shows views and looks at them
    for system, cores in shower.items():
        yield f"{SYSTEMS[system]}: the program that shows the views took up to {cores:.2f} cores itself."


def cell(figures: Sequence[float], digits: int) -> str:
    if not figures:
        return ""
    middle = f"{statistics.median(figures):.{digits}f}"
    return middle if len(figures) == 1 else f"{middle} ({min(figures):.{digits}f}–{max(figures):.{digits}f})"


def titled(title: str, rows: Rows, *, right: bool = True) -> str:
    """A table; all columns but the first are set to the right, or none."""
    rule = ["---", *["---:" if right else "---"] * (len(rows[0]) - 1)]
    return "\n".join([f"**{title}**", "", *(f"| {' | '.join(row)} |" for row in [rows[0], rule, *rows[1:]])])
