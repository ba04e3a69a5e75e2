"""Where programs of Postgres's own find the database."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from psycopg2.extensions import parse_dsn
from sqlalchemy import make_url

from clickme.kit import engines
from clickme.kit.home import open_home
from clickme.settings import Settings

NAMES = {"dbname": "PGDATABASE", "application_name": "PGAPPNAME"}  # the others are PG and the parameter


@contextmanager
def surroundings(root: Path | None = None, settings: Settings | None = None) -> Iterator[dict[str, str]]:
    """The environment of programs that are to find a home's database (libpq, "Environment Variables").

    An embedded one runs until the block ends. Whatever is in it is left as it is: no table is migrated, and
    it may be empty.
    """
    settings = settings or Settings()
    paths = [os.environ.get("PATH", os.defpath), str(engines.PROGRAMS)]
    with ExitStack() as stack:
        url = settings.database_url
        if url is None:
            url = stack.enter_context(engines.postgres(open_home(root or settings.home)))
            paths.reverse()  # first those of the very version of the database
        yield os.environ | place(url) | {"PATH": os.pathsep.join(paths)}


def place(url: str) -> dict[str, str]:
    """PGHOST, PGDATABASE and so on."""
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return {NAMES.get(key, f"PG{key.upper()}"): value for key, value in parse_dsn(address).items()}
