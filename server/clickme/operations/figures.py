"""How large the database is and how it does, out of Postgres's own books.

Nothing here counts a large table: rows are what Postgres takes them to be, days are counted among the newest
rounds alone, and whatever takes longer than two seconds is left out.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from clickme.kit.database import Database, newest_revision

DAYS: Final = 7
SAMPLE: Final = 500  # rounds, by which bubbles a round are estimated
PATIENCE: Final = "2s"  # for one question
DURABLE: Final = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True)
class TableSize:
    """A table with its indexes; its stretches, if it has some, together."""

    name: str
    rows: int  # about
    dead_rows: int  # about: what a vacuum will free
    bytes: int
    vacuumed_at: datetime | None
    stretches: int


@dataclass(frozen=True)
class Stretch:
    """A part of the log of bubbles: that of the rounds from `first` on, `end` excluded."""

    table: str
    first: int | None  # None: from the beginning
    end: int
    rows: int  # about
    bytes: int


@dataclass(frozen=True)
class Day:
    """Rounds that began on a day, UTC."""

    day: date
    rounds: int
    recognised: int
    bubbles: int  # about


@dataclass(frozen=True)
class Activity:
    """What goes on just now. Times are s; of other roles' transactions only some roles may see them."""

    connections: int
    most_connections: int
    longest_transaction_s: float
    rounds_running: int
    oldest_round_s: float  # since it began; 0 where none runs
    waiting_for_locks: int


@dataclass(frozen=True)
class Safety:
    """What stands between a fault and a loss."""

    settings: dict[str, str]  # fsync and its like
    archive_mode: str
    archived_at: datetime | None  # the last WAL segment
    archive_failed: bool  # the last try
    standbys: int
    damaged_pages: int
    transaction_age: int  # of the oldest that is not frozen; Postgres stops at two thousand million


@dataclass(frozen=True)
class Figures:
    """All of it, as of `at`."""

    at: datetime
    server: str
    revision: str | None
    expected_revision: str | None
    bytes: int
    newest_round: int
    tables: list[TableSize]
    stretches: list[Stretch]
    days: list[Day] | None  # None: it took too long to count them
    activity: Activity
    safety: Safety


def figures(database: Database) -> Figures:
    """Look at a database. Of other roles' work it says what the role in use may see."""
    revision = database.revision()
    with database.transaction() as session:
        session.execute(text(f"SET LOCAL statement_timeout = '{PATIENCE}'"))
        head = one(session, HEAD)
        return Figures(
            at=head["at"],
            server=head["server"],
            revision=revision,
            expected_revision=newest_revision(),
            bytes=head["bytes"],
            newest_round=head["newest_round"],
            tables=[TableSize(**row) for row in rows(session, TABLES)],
            stretches=stretches(session),
            days=days(session),
            activity=Activity(**one(session, ACTIVITY)),
            safety=safety(session),
        )


def rows(session: Session, question: str, **values: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in session.execute(text(question), values).mappings()]


def one(session: Session, question: str, **values: Any) -> dict[str, Any]:
    (row,) = rows(session, question, **values)
    return row


HEAD = """
SELECT now() AS at, split_part(current_setting('server_version'), ' ', 1) AS server,
       pg_database_size(current_database()) AS bytes,
       (SELECT last_value FROM rounds_id_seq) AS newest_round
"""

# A partition counts towards the table it belongs to. Of a table that was never analysed there is a tally.
TABLES = """
SELECT coalesce(whole.relname, part.relname)::text AS name,
       sum(coalesce(nullif(greatest(part.reltuples, 0), 0), stat.n_live_tup, 0))::bigint AS rows,
       sum(coalesce(stat.n_dead_tup, 0))::bigint AS dead_rows,
       sum(pg_total_relation_size(part.oid))::bigint AS bytes,
       max(greatest(stat.last_vacuum, stat.last_autovacuum)) AS vacuumed_at,
       count(whole.oid) AS stretches
FROM pg_class part
LEFT JOIN pg_inherits ON inhrelid = part.oid
LEFT JOIN pg_class whole ON whole.oid = inhparent
LEFT JOIN pg_stat_user_tables stat ON stat.relid = part.oid
WHERE part.relkind = 'r' AND part.relnamespace = current_schema()::regnamespace
GROUP BY 1 ORDER BY bytes DESC, name
"""

STRETCHES = """
SELECT part.relname::text AS table, pg_get_expr(part.relpartbound, part.oid) AS bounds,
       coalesce(nullif(greatest(part.reltuples, 0), 0), stat.n_live_tup, 0)::bigint AS rows,
       pg_total_relation_size(part.oid) AS bytes
FROM pg_inherits
JOIN pg_class part ON part.oid = inhrelid
LEFT JOIN pg_stat_user_tables stat ON stat.relid = part.oid
WHERE inhparent = to_regclass('bubble_batches')
"""

ACTIVITY = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
       current_setting('max_connections')::int AS most_connections,
       coalesce((SELECT extract(epoch FROM max(now() - xact_start)) FROM pg_stat_activity
                 WHERE datname = current_database() AND backend_type = 'client backend'
                   AND pid <> pg_backend_pid()), 0)::float AS longest_transaction_s,
       (SELECT count(*) FROM pg_locks WHERE NOT granted) AS waiting_for_locks,
       running.count AS rounds_running,
       coalesce(extract(epoch FROM now() - running.first), 0)::float AS oldest_round_s
FROM (SELECT count(*), min(begun_at) AS first FROM rounds
      WHERE begun_at IS NOT NULL AND ended_at IS NULL) AS running
"""

SAFETY = """
SELECT current_setting('archive_mode') AS archive_mode,
       archiver.last_archived_time AS archived_at,
       coalesce(archiver.last_failed_time > coalesce(archiver.last_archived_time, '-infinity'), false)
           AS archive_failed,
       (SELECT count(*) FROM pg_stat_replication) AS standbys,
       coalesce((SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()), 0)
           AS damaged_pages,
       (SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()) AS transaction_age
FROM pg_stat_archiver AS archiver
"""

FROM_TO = re.compile(r"FROM \((?:'?(?P<first>-?\d+)'?|MINVALUE)\) TO \('?(?P<end>\d+)'?\)")


def stretches(session: Session) -> list[Stretch]:
    """The parts of the log, the oldest first."""
    found = []
    for row in rows(session, STRETCHES):
        bounds = FROM_TO.search(row.pop("bounds"))
        assert bounds is not None  # game.partitions makes them
        first = bounds["first"]
        found.append(Stretch(first=int(first) if first else None, end=int(bounds["end"]), **row))
    return sorted(found, key=lambda stretch: stretch.end)


def safety(session: Session) -> Safety:
    settings = {name: session.scalar(text(f"SHOW {name}")) for name in DURABLE}
    return Safety(settings=settings, **one(session, SAFETY))


def days(session: Session) -> list[Day] | None:
    """The last days on which rounds began, the latest first; None if they are too many to count at once."""
    savepoint = session.begin_nested()
    try:
        first = first_round(session)
        bubbles = session.scalar(text(BUBBLES), {"first": first, "sample": SAMPLE}) or 0
        counted = rows(session, BY_DAY, first=first, days=DAYS)
    except OperationalError:
        savepoint.rollback()
        return None
    return [Day(bubbles=round(bubbles * row["rounds"]), **row) for row in counted]


BY_DAY = """
SELECT (begun_at AT TIME ZONE 'UTC')::date AS day, count(*) AS rounds,
       count(*) FILTER (WHERE outcome = 'recognised') AS recognised
FROM rounds WHERE id >= :first AND begun_at >= now() - make_interval(days => :days)
GROUP BY day ORDER BY day DESC
"""

BUBBLES = """
SELECT avg(coalesce((SELECT sum(length(xyt)) / 6 FROM bubble_batches WHERE round_id = newest.id), 0))::float
FROM (SELECT id FROM rounds WHERE id >= :first AND begun_at IS NOT NULL AND ended_at IS NOT NULL
      ORDER BY id DESC LIMIT :sample) AS newest
"""


def first_round(session: Session) -> int:
    """The number from which on rounds were dealt in the last days.

    Numbers grow with time, so it is found by halves; there is no index on times.
    """
    low = session.scalar(text("SELECT coalesce(min(id), 0) FROM rounds")) or 0
    high = session.scalar(text("SELECT coalesce(max(id), 0) + 1 FROM rounds")) or 0
    while low < high:
        middle = (low + high) // 2
        if session.scalar(text(IS_RECENT), {"id": middle, "days": DAYS}):
            high = middle
        else:
            low = middle + 1
    return int(low)


# Of the first round from a number on; beyond the last one, yes.
IS_RECENT = """
SELECT coalesce(
    (SELECT dealt_at >= now() - make_interval(days => :days) FROM rounds WHERE id >= :id ORDER BY id LIMIT 1),
    true)
"""
