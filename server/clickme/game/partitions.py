"""Where the log of bubbles lies: in a table for each stretch of rounds, whose numbers grow with time.

A campaign's newest bubbles so share small indexes, and a stretch can be archived by itself. The key by
which the log is idempotent, (round, first index), holds within one table.
"""

from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

STRETCH: Final = 100_000  # rounds: at 70 batches a round, a table of some 700 MB
ONE_AT_A_TIME: Final = 7_126_334_022  # a number of our own for pg_advisory_xact_lock


def make_room(session: Session) -> list[int]:
    """See to it that the next `STRETCH` rounds have their place; the ends of the stretches that were added.

    The table is made aside and attached, which waits for nobody who reads the log, however long.
    """
    newest = session.scalar(text("SELECT last_value FROM rounds_id_seq")) or 0
    end = (newest // STRETCH + 1) * STRETCH
    added = [end for end in (end, end + STRETCH) if not exists(session, end)]
    if added:
        session.execute(text("SET LOCAL lock_timeout = '2s'"))
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ONE_AT_A_TIME})
        added = [end for end in added if not exists(session, end)]
    for end in added:
        table = f"bubble_batches_to_{end}"
        session.execute(text(f"CREATE TABLE {table} (LIKE bubble_batches INCLUDING ALL)"))
        session.execute(
            text(
                f"ALTER TABLE bubble_batches ATTACH PARTITION {table} "
                f"FOR VALUES FROM ({end - STRETCH}) TO ({end})"
            )
        )
    return added


def exists(session: Session, end: int) -> bool:
    return session.scalar(text("SELECT to_regclass(:name)"), {"name": f"bubble_batches_to_{end}"}) is not None
