"""How Alembic reaches the database: through the engine it is given, one migrating process at a time."""

from alembic import context
from sqlalchemy import text

import clickme.catalogue.models
import clickme.game.models
import clickme.players.models  # noqa: F401 - the three know all tables
from clickme.kit.tables import Table

ONE_AT_A_TIME = 7_126_334_021  # a number of our own for pg_advisory_lock

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
            connection=connection, target_metadata=Table.metadata, transaction_per_migration=True
        )
        with context.begin_transaction():
            context.run_migrations()
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ONE_AT_A_TIME})
        connection.execute(text("RESET lock_timeout"))
        connection.commit()
