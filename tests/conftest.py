"""What tests stand on: a real Postgres and a real Valkey, from the wheels or from two addresses.

One database per worker is made by the migrations; tests copy it (`house`) or roll back what they did in it
(`session`).
"""

import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis
from clickme.catalogue.service import seed_categories
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.orm import Session

from clickme.kit import engines
from clickme.kit.database import Database
from clickme.kit.home import open_home
from clickme.kit.house import House, open_house
from clickme.settings import Settings

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Data that only some machines have; a test that needs it says so by asking for this."""
    if not SHARED_DATA.exists():
        pytest.skip("the sample photographs of ../shared/data are not on this machine")
    return SHARED_DATA


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The addresses of a Postgres and a Redis, shared by all workers of a run."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid.uuid4().hex)
    with ExitStack() as stack:
        home = open_home(Path(tempfile.gettempdir()) / f"clickme-tests-{run[:12]}")
        database_url = os.environ.get("CLICKME_TEST_DATABASE_URL") or stack.enter_context(
            engines.postgres(home)
        )
        redis_url = os.environ.get("CLICKME_TEST_REDIS_URL") or stack.enter_context(engines.valkey(home))
        yield database_url, redis_url


@contextmanager
def temporary_database(server_url: str, template: str | None = None) -> Iterator[str]:
    """A database of its own on that server, a copy of `template` if one is named."""
    url = make_url(server_url).set(drivername="postgresql+psycopg2")
    name = f"clickme_test_{uuid.uuid4().hex[:16]}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(
                text(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
            )
        yield url.set(database=name).render_as_string(hide_password=False)
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        engine.dispose()


@pytest.fixture(scope="session")
def migrated_url(servers: tuple[str, str]) -> Iterator[str]:
    """A database as the migrations make it, with the 1,000 categories. Nothing is ever written to it."""
    with temporary_database(servers[0]) as url:
        database = Database(url)
        database.migrate()
        with database.transaction() as session:
            seed_categories(session)
        database.close()
        yield url


@pytest.fixture(scope="session")
def worker_database(servers: tuple[str, str], migrated_url: str) -> Iterator[Database]:
    with temporary_database(servers[0], make_url(migrated_url).database) as url:
        database = Database(url)
        yield database
        database.close()


@pytest.fixture
def session(worker_database: Database) -> Iterator[Session]:
    """A session in a transaction that is rolled back when the test is over, whatever it committed."""
    with worker_database.engine.connect() as connection:
        outer = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as session:
            yield session
        outer.rollback()


@pytest.fixture
def settings(servers: tuple[str, str], migrated_url: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a home of its own: a fresh folder, a fresh database with the categories, an empty Redis."""
    # Each worker keeps to a Redis database of its own.
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    redis_url = f"{servers[1]}?db={worker}" if servers[1].startswith("unix:") else f"{servers[1]}/{worker}"
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    with temporary_database(servers[0], make_url(migrated_url).database) as url:
        yield Settings(home=tmp_path / "home", database_url=url, redis_url=redis_url)


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    """An empty house: the 1,000 categories, no photograph, no player."""
    with open_house(settings=settings) as house:
        yield house
