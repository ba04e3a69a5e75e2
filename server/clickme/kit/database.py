"""The database: transactions, and the migrations that make its tables."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from clickme.kit.problems import Problem
from clickme.kit.shipped import shipped


class Database:
    """One Postgres, and the only place where anything is committed."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = create_engine(
            make_url(url).set(drivername="postgresql+psycopg2"),
            pool_pre_ping=True,
            pool_size=10,
            max_overflow=10,
            pool_timeout=5,
            hide_parameters=True,  # what people typed is not for logs
            # A line that is dead without a word is noticed within half a minute, not a quarter of an hour.
            connect_args={
                "connect_timeout": 5,
                "tcp_user_timeout": 15_000,  # ms
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
            },
        )

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session, committed on the way out and rolled back on an error."""
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def close(self) -> None:
        self.engine.dispose()

    def revision(self) -> str | None:
        """The migration that the tables are at; None for an empty database."""
        try:
            with self.engine.connect() as connection:
                return MigrationContext.configure(connection).get_current_revision()
        except OperationalError as error:
            raise Problem(
                "database_unreachable",
                f"The database does not answer: {str(error.orig).strip()}. Is CLICKME_DATABASE_URL right?",
            ) from None

    def migrate(self) -> None:
        """Bring the tables to what this code expects. Safe to run from several places at once."""
        if self.revision() != newest_revision():
            config = migrations()
            config.attributes["engine"] = self.engine
            command.upgrade(config, "head")


def migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(shipped("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def newest_revision() -> str | None:
    return ScriptDirectory.from_config(migrations()).get_current_head()
