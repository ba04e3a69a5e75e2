"""Whether a database is well: one sentence a matter, and what to do where it is not. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from clickme.operations.figures import DURABLE, Figures, TableSize

MOST_CONNECTED: Final = 0.8  # of all connections
LONGEST_TRANSACTION_S: Final = 300.0  # no vacuum frees what such a one may still see
LONGEST_ROUND_S: Final = 60.0  # 7 s, and 30 s until another server closes it
MOST_DEAD: Final = 0.4  # of a table's rows; autovacuum begins at 0.2
FEW_ROWS: Final = 10_000  # below that it is no matter
ROOM: Final = 1_000  # rounds, for which the log has to have its place
OLDEST_TRANSACTION: Final = 1_000_000_000  # half of what Postgres bears


@dataclass(frozen=True)
class Verdict:
    """On one matter; `well` is False where somebody should look after it."""

    about: str
    well: bool
    says: str


def verdicts(found: Figures) -> list[Verdict]:
    """All of them, in the order in which they matter."""
    return [
        *durability(found),
        revision(found),
        room(found),
        closing(found),
        connections(found),
        transactions(found),
        *vacuum(found),
        wraparound(found),
        *archive(found),
    ]


def durability(found: Figures) -> Iterator[Verdict]:
    off = [name for name in DURABLE if found.safety.settings[name] == "off"]
    if off:
        says = f"An acknowledged bubble can be lost in a power cut: turn {' and '.join(off)} on."
    else:
        says = f"What is acknowledged outlives a power cut: {', '.join(DURABLE)} are on."
    yield Verdict("durability", not off, says)
    if damaged := found.safety.damaged_pages:
        yield Verdict(
            "pages", False, f"{damaged} pages were found damaged: check the disk, and keep a backup."
        )


def revision(found: Figures) -> Verdict:
    if found.revision == found.expected_revision:
        return Verdict("tables", True, f"The tables are those of this version: {found.revision}.")
    says = (
        f"The tables are at version {found.revision or 'none'}, this clickme needs "
        f"{found.expected_revision}: run clickme db migrate."
    )
    return Verdict("tables", False, says)


def room(found: Figures) -> Verdict:
    end = max((stretch.end for stretch in found.stretches), default=0)
    left = max(0, end - found.newest_round - 1)
    if left >= ROOM:
        return Verdict("room", True, f"The log has its place for the next {left:,} rounds; servers add more.")
    says = (
        f"The log has its place for {left:,} more rounds only, and servers have not added any: look for "
        "sweep_failed in their logs."
    )
    return Verdict("room", False, says)


def closing(found: Figures) -> Verdict:
    now = found.activity
    if now.oldest_round_s <= LONGEST_ROUND_S:
        return Verdict("rounds", True, f"{now.rounds_running} rounds run, none for longer than it may.")
    says = f"A round has run for {now.oldest_round_s:,.0f} s and nobody has closed it: is a server running?"
    return Verdict("rounds", False, says)


def connections(found: Figures) -> Verdict:
    now = found.activity
    well = now.connections <= MOST_CONNECTED * now.most_connections
    says = f"{now.connections} of {now.most_connections} connections are in use."
    if not well:
        says += " A server process takes up to 21: raise max_connections, or run fewer."
    return Verdict("connections", well, says)


def transactions(found: Figures) -> Verdict:
    longest = found.activity.longest_transaction_s
    if longest <= LONGEST_TRANSACTION_S:
        return Verdict("transactions", True, f"The longest transaction has lasted {longest:,.0f} s.")
    says = f"A transaction has lasted {longest:,.0f} s, and keeps vacuum from its work: see pg_stat_activity."
    return Verdict("transactions", False, says)


def vacuum(found: Figures) -> Iterator[Verdict]:
    behind = [table for table in found.tables if is_behind(table)]
    if not behind:
        yield Verdict("vacuum", True, "Autovacuum keeps up.")
    for table in behind:
        says = (
            f"Of {table.name}, about {table.dead_rows:,} rows wait for a vacuum: is autovacuum on? VACUUM it."
        )
        yield Verdict("vacuum", False, says)


def is_behind(table: TableSize) -> bool:
    return table.dead_rows > FEW_ROWS and table.dead_rows > MOST_DEAD * (table.rows + table.dead_rows)


def wraparound(found: Figures) -> Verdict:
    age = found.safety.transaction_age
    if age <= OLDEST_TRANSACTION:
        return Verdict("transaction numbers", True, f"{age:,} of two thousand million are in use.")
    says = f"{age:,} are in use, and Postgres stops at two thousand million: VACUUM FREEZE this database."
    return Verdict("transaction numbers", False, says)


def archive(found: Figures) -> Iterator[Verdict]:
    safety = found.safety
    if safety.archive_mode == "off" and not safety.standbys:
        says = "No archive and no standby: with the disk, what came after the last backup would be lost."
        yield Verdict("copies", True, says)
        return
    if safety.archive_mode != "off":
        last = f"{safety.archived_at:%Y-%m-%d %H:%M:%S} UTC" if safety.archived_at else "none so far"
        says = f"The archive's last segment: {last}."
        if safety.archive_failed:
            says += " The try after it failed: see Postgres's log."
        yield Verdict("archive", not safety.archive_failed, says)
    if safety.standbys:
        yield Verdict("standbys", True, f"{safety.standbys} follow.")
