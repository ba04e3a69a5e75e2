"""The embedded Postgres and Valkey: found by all, stopped by the last, whoever dies in between."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import psutil
import psycopg2
import pytest
import redis

from clickme.kit import engines
from clickme.kit.home import open_home

# An interpreter in root's own folder may be closed to others: what it needs is imported first.
HOLD = """
import os, sys
from pathlib import Path
from clickme.kit import engines
from clickme.kit.home import open_home
if len(sys.argv) > 2:
    os.setgroups([])
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))
home = open_home(Path(sys.argv[1]))
with engines.postgres(home) as database, engines.valkey(home) as cache:
    print(database, cache, flush=True)
    sys.stdin.readline()
"""


class User:
    """Another process that uses a home's engines until it is told to leave, or killed."""

    def __init__(self, home: Path, *uid: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(home), *map(str, uid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=home.parent,
        )
        self.database, self.cache = cast(IO[str], self.process.stdout).readline().split()

    def leave(self) -> None:
        self.process.communicate("\n")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    # Whatever a test left running is found, used and stopped.
    with engines.postgres(open_home(tmp_path / "home")), engines.valkey(open_home(tmp_path / "home")):
        pass


def answers(user: User) -> tuple[bool, bool]:
    """Whether the engines that this user was given answer now: Postgres, Valkey."""
    try:
        psycopg2.connect(user.database).close()
        postgres = True
    except psycopg2.OperationalError:
        postgres = False
    with redis.Redis.from_url(user.cache) as client:
        try:
            valkey = client.ping()
        except redis.ConnectionError:
            valkey = False
    return postgres, valkey


def test_the_first_starts_them_and_the_last_stops_them(home: Path) -> None:
    first = User(home)
    second = User(home)
    assert (first.database, first.cache) == (second.database, second.cache)
    first.leave()
    assert answers(second) == (True, True)
    second.leave()
    assert answers(second) == (False, False)


def test_a_killed_user_does_not_count(home: Path) -> None:
    """What a list of users in a file gets wrong: nobody would ever be the last."""
    first = User(home)
    second = User(home)
    first.kill()
    assert answers(second) == (True, True)
    second.leave()
    assert answers(second) == (False, False)


def test_what_outlives_its_last_user_is_found_again(home: Path) -> None:
    killed = User(home)
    with psycopg2.connect(killed.database) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 1 AS one")
    connection.close()
    killed.kill()
    assert answers(killed) == (True, True)
    heir = User(home)
    with psycopg2.connect(heir.database) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT one FROM kept")
        assert cursor.fetchone() == (1,)
    connection.close()
    heir.leave()
    assert answers(heir) == (False, False)


def test_a_postgres_that_was_restarted_in_between_is_stopped_too(home: Path) -> None:
    first = User(home)
    postmaster = psutil.Process(int((home / "postgres" / "postmaster.pid").read_text().split()[0]))
    postmaster.send_signal(signal.SIGINT)  # a fast shutdown
    postmaster.wait()
    second = User(home)
    second.leave()
    assert answers(first) == (True, True)
    first.leave()
    assert answers(first) == (False, False)


def test_a_home_with_a_long_and_odd_name_works(tmp_path: Path) -> None:
    home = tmp_path / ("a long & odd name " * 5) / "höme"
    home.parent.mkdir()
    user = User(home)
    assert answers(user) == (True, True)
    user.leave()


def test_an_ordinary_user_needs_nothing_from_root() -> None:
    with tempfile.TemporaryDirectory(prefix="clickme-ordinary-") as place:
        ordinary: list[int] = []
        if os.geteuid() == 0:
            ordinary = [65534]  # nobody
            os.chown(place, *ordinary * 2)
        user = User(Path(place, "home"), *ordinary)
        assert answers(user) == (True, True)
        user.leave()
        assert answers(user) == (False, False)
