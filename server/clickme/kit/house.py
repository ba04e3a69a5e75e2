"""A house: a home with its database and its Redis running. What every command opens first."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from clickme.kit import engines
from clickme.kit.database import Database, newest_revision
from clickme.kit.home import Home, open_home, secret_key
from clickme.kit.problems import Problem
from clickme.settings import Settings


@dataclass(frozen=True)
class House:
    """Everything a command or a server stands on."""

    settings: Settings
    home: Home
    database: Database
    redis_url: str
    secret: str  # signs sessions


@contextmanager
def open_house(
    root: Path | None = None, settings: Settings | None = None, *, migrate: bool = False
) -> Iterator[House]:
    """Open the home at `root` (else `CLICKME_HOME`, else the user's data directory).

    An embedded database is brought to this version's tables; an outside one is somebody's to look after,
    so without `migrate` it is only compared: Problem `database_version` if it differs.
    """
    settings = settings or Settings()
    home = open_home(root or settings.home)
    with ExitStack() as stack:
        database_url = settings.database_url or stack.enter_context(engines.postgres(home))
        redis_url = settings.redis_url or stack.enter_context(engines.valkey(home))
        database = Database(database_url)
        stack.callback(database.close)
        if migrate or settings.database_url is None:
            database.migrate()
        elif database.revision() != newest_revision():
            raise Problem(
                "database_version",
                f"The database is at version {database.revision() or 'none'}, this clickme needs "
                f"{newest_revision()}. Run: clickme db migrate",
            )
        chosen = settings.secret_key
        secret = chosen.get_secret_value() if chosen else secret_key(home)
        yield House(settings, home, database, redis_url, secret)
