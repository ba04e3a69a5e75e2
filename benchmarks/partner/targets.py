"""What was wanted, beside what was found."""

import statistics
from collections.abc import Iterator
from typing import Final

from .drive import EVERY
from .forms import PUBLISHED, QUICK
from .machine import multiplies_int8
from .results import Results
from .systems import ALONE, BATCHED, GAME, PLAIN, SERVICE, SYSTEMS

OURS: Final = (SERVICE, GAME)
OTHERS: Final = (PLAIN, BATCHED)

TIMES_PLAIN, OF_LIMIT, FAIR, GROWTH = 3.0, 0.9, 0.95, 1.05
LONE_TIMES, LONE_MS = 1.05, 3.0

Row = list[str]  # wanted, form, found, met or missed


def targets(results: Results) -> Iterator[Row]:
    """Those that there are figures for."""
    ours = [system for system in OURS if system in results.systems(results.forms()[0])]
    if {PUBLISHED, QUICK} <= set(results.forms()) and results.saturated[PUBLISHED, PLAIN]:
        yield from (times_plain(results, system) for system in ours)
    for form in results.forms():
        for system in ours:
            yield of_limit(results, form, system)
            for other in OTHERS:
                if other in results.systems(form):
                    yield never_slower(results, form, system, other)
            yield a_lone_view(results, form, system)
            if past := past_capacity(results, form):
                yield fair(results, form, system, past)
            yield flat(results, form, system)


def times_plain(results: Results, system: str) -> Row:
    times, low, high = results.ratio((QUICK, system), (PUBLISHED, PLAIN))
    wanted = f"{SYSTEMS[system]} on {QUICK}: {TIMES_PLAIN:g} times the verdicts of FastAPI on {PUBLISHED}"
    found = f"{times:.2f} ({low:.2f}–{high:.2f})"
    if not multiplies_int8():
        return [wanted, f"{QUICK}, {PUBLISHED}", found, "not promised: this processor has no VNNI"]
    return [wanted, f"{QUICK}, {PUBLISHED}", found, met(times >= TIMES_PLAIN)]


def of_limit(results: Results, form: str, system: str) -> Row:
    share, low, high = results.ratio((form, system), (form, ALONE))
    wanted = f"{SYSTEMS[system]}: {OF_LIMIT:g} of onnxruntime alone when saturated"
    return [wanted, form, f"{share:.3f} ({low:.3f}–{high:.3f})", met(share >= OF_LIMIT)]


def never_slower(results: Results, form: str, system: str, other: str) -> Row:
    """Where medians are the wrong way round and the turns overlap, it is a tie."""
    ties: list[str] = []
    losses: list[str] = []
    for rounds in results.rounds():
        our, their = (sorted(results.each(form, which, rounds, "p95")) for which in (system, other))
        if statistics.median(our) > statistics.median(their):
            said = f"at {rounds}: {statistics.median(our):.0f} ms beside {statistics.median(their):.0f}"
            (ties if our[0] <= their[-1] else losses).append(said)
    wanted = f"{SYSTEMS[system]}: p95 never above {SYSTEMS[other]}"
    if losses:
        return [wanted, form, "; ".join(losses), met(False)]
    return [
        wanted,
        form,
        "; ".join(ties) or "at no number of rounds",
        "met but for ties within noise" if ties else met(True),
    ]


def a_lone_view(results: Results, form: str, system: str) -> Row:
    ours, bare = (statistics.median(results.lone[form, which]) for which in (system, ALONE))
    allowed = LONE_TIMES * bare + LONE_MS
    found = f"{ours:.1f} ms beside {bare:.1f}: {allowed:.1f} allowed"
    return [
        f"{SYSTEMS[system]}: a lone view within 5 % + 3 ms of a bare run",
        form,
        found,
        met(ours <= allowed),
    ]


def past_capacity(results: Results, form: str) -> list[int]:
    """Numbers of rounds, of several, that show more views than onnxruntime alone could look at."""
    _, limit = results.limit(form)
    return [rounds for rounds in results.rounds() if rounds > 1 and rounds / EVERY > limit]


def fair(results: Results, form: str, system: str, past: list[int]) -> Row:
    index, rounds = min((results.median(form, system, rounds, "jain"), rounds) for rounds in past)
    wanted = f"{SYSTEMS[system]}: Jain's index above {FAIR:g} past capacity"
    return [wanted, form, f"{index:.3f} or more (least at {rounds})", met(index > FAIR)]


def flat(results: Results, form: str, system: str) -> Row:
    """In the worst turn."""
    before, after = results.before[form, system], results.after[form, system]
    growth = max(end / begin for begin, end in zip(before, after, strict=True))
    wanted = f"{SYSTEMS[system]}: memory flat, to 5 %"
    return [wanted, form, f"{100 * (growth - 1):+.1f} %", met(growth < GROWTH)]


def met(is_: bool) -> str:
    return "met" if is_ else "**missed**"
