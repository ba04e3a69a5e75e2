"""How Alembic reaches the database: through the engine it is given, one migrating process at a time."""

from alembic import context
from sqlalchemy import text

import clickme.catalogue.models
import clickme.contests.models
import clickme.game.models
import clickme.kit.maintenance
import clickme.players.models  # noqa: F401 - these know all tables
from clickme.kit.tables import Table

ONE_AT_A_TIME = 7_126_334_021  # a number of our own for pg_advisory_lock


def is_stretch(table: str | None) -> bool:
    """Whether it is a part of the log, which comes and goes without a migration (game/partitions.py)."""
    return (table or "").startswith("bubble_batches_to_")


config = context.config
engine = config.attributes["engine"]

with engine.connect() as connection:
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ONE_AT_A_TIME})
    connection.commit()
    # A migration that has to wait for a busy table gives up rather than hold everybody else behind it.
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.commit()
    try:
        context.configure(
            connection=connection,
            target_metadata=Table.metadata,
            transaction_per_migration=True,
            include_name=lambda name, kind, _: not (kind == "table" and is_stretch(name)),
        )
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ONE_AT_A_TIME})
        connection.execute(text("RESET lock_timeout"))
        connection.commit()
