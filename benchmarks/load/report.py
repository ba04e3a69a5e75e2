"""What was found, as Markdown."""

from collections.abc import Iterator
from importlib.metadata import version

from clickme_partner.cores import usable_cores

from ..partner.machine import processor
from ..partner.report import titled
from .programs import OURS, PLAIN, SYSTEMS
from .results import MOST_P99_MS, WANTED, Found, Results, carried, median

Rows = list[list[str]]


def pieces(results: Results, seconds: float, postgres: str) -> Iterator[str]:
    """The report, piece by piece."""
    yield (
        f"On {usable_cores()} cores of {processor().get('model name', 'a processor')}, "
        f"PostgreSQL {postgres}, uvicorn {version('uvicorn')}, uvloop {version('uvloop')}; {seconds:g} s "
        "each. The server has one core to itself; players and Postgres share the others. Medians where a "
        "number was tried more than once."
    )
    for system, found in results.items():
        yield titled(SYSTEMS[system], table(found))
    yield titled("Beside what was wanted", [["wanted", "found", ""], *targets(results)], right=False)


def table(found: dict[int, list[Found]]) -> Rows:
    heading = [
        "players",
        "tries",
        "rounds/s",
        "frames/s",
        "ack p50, ms",
        "p95",
        "p99",
        "p99, least and most",
        "verdict p99, ms",
        "server, cores",
        "players, cores",
        "Postgres, cores",
        "others on its core",
        "server, MB",
        "errors",
    ]
    return [heading, *(row(players, found[players]) for players in sorted(found))]


def row(players: int, found: list[Found]) -> list[str]:
    def ack(which: str) -> str:
        return f"{median(found, lambda each: each.report.ack_ms.get(which, float('nan'))):.0f}"

    p99s = [each.p99 for each in found]
    errors: dict[str, int] = {}
    for each in found:
        for code, count in each.report.errors.items():
            errors[code] = errors.get(code, 0) + count
        if not each.report.whole:
            errors["bubbles lost"] = errors.get("bubbles lost", 0) + each.report.bubbles_lost
    return [
        f"{players:,}",
        str(len(found)),
        f"{median(found, lambda each: each.report.rounds_per_s):.0f}",
        f"{median(found, lambda each: each.report.frames_per_s):,.0f}",
        ack("p50"),
        ack("p95"),
        ack("p99"),
        f"{min(p99s):.0f}–{max(p99s):.0f}",
        f"{median(found, lambda each: each.report.verdict_ms.get('p99', float('nan'))):.0f}",
        f"{median(found, lambda each: each.server):.2f}",
        f"{median(found, lambda each: each.client):.2f}",
        f"{median(found, lambda each: each.postgres):.2f}",
        f"{median(found, lambda each: each.others):.2f}",
        f"{median(found, lambda each: each.memory) / 1e6:.0f}",
        ", ".join(f"{code} {count}" for code, count in errors.items()) or "none",
    ]


def targets(results: Results) -> Iterator[list[str]]:
    carry = {system: carried(found) for system, found in results.items()}
    if OURS in carry:
        yield [
            f"{WANTED:,} players on a core, p99 of an ack within {MOST_P99_MS:g} ms, nothing lost",
            f"{carry[OURS]:,}",
            "met" if carry[OURS] >= WANTED else "**missed**",
        ]
    if OURS in carry and carry.get(PLAIN):
        yield ["beside a commit per message", f"{carry[OURS] / carry[PLAIN]:.1f} times as many", ""]
