"""A Postgres and a Valkey of our own, which may be stopped, emptied and crammed, and started again."""

import signal
import subprocess
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

import psutil
import redis
from sqlalchemy import text

from clickme.kit import engines
from clickme.kit.database import Database
from clickme.kit.home import open_home

DISK: Final = 16 * 1024 * 1024  # bytes a file may have on a "full" disk: a segment of the WAL fits

# Bubbles until their table, and nothing else, is larger than that. Of rounds that nobody plays: the keys to
# other tables are not looked at meanwhile.
CRAM = text(
    """
    INSERT INTO bubble_batches (round_id, first_index, xyt, arrived_ms)
    SELECT 90000 + i / 30000, i % 30000, '\\x000000000000', 0 FROM generate_series(0, 399999) AS i
    """
)


class Engines:
    """Those that `clickme play` starts in a home of its own."""

    def __init__(self, root: Path) -> None:
        self.home = open_home(root)
        self.using = ExitStack()
        self.database_url = self.using.enter_context(engines.postgres(self.home))
        self.redis_url = self.using.enter_context(engines.valkey(self.home))

    def close(self) -> None:
        self.using.close()

    def mend(self) -> None:
        """Whatever was done to them: they run, and have room."""
        self.wake_postgres()
        self.free_disk()
        self.start_postgres()
        self.start_redis()

    # ---- Postgres ----

    @property
    def postmaster(self) -> psutil.Process:
        return psutil.Process(int((self.home.postgres / "postmaster.pid").read_text().split()[0]))

    def stop_postgres(self, *, crash: bool = False) -> None:
        """Fast, or without a checkpoint: what is committed is then in the WAL alone, as after a power cut."""
        postmaster = self.postmaster
        postmaster.send_signal(signal.SIGQUIT if crash else signal.SIGINT)
        postmaster.wait()

    def start_postgres(self) -> None:
        """As whoever comes next would, if it does not run."""
        self.using.enter_context(engines.postgres(self.home))

    def hang_postgres(self) -> None:
        """It answers nobody, and turns nobody away."""
        postmaster = self.postmaster
        for process in (postmaster, *postmaster.children()):
            with suppress(psutil.NoSuchProcess):
                process.suspend()

    def wake_postgres(self) -> None:
        with suppress(psutil.NoSuchProcess, FileNotFoundError):  # it does not run at all
            postmaster = self.postmaster
            for process in (postmaster, *postmaster.children()):
                process.resume()

    def cram(self, database: Database) -> None:
        """Make the log of bubbles so large that it cannot grow on a full disk, whatever else can."""
        with database.transaction() as session:
            session.execute(text("SET LOCAL session_replication_role = replica"))
            session.execute(CRAM)

    def fill_disk(self, most: int) -> None:
        """No file can be written beyond `most` bytes: Postgres takes that as it takes a full disk."""
        self._limit(str(most))

    def free_disk(self) -> None:
        with suppress(psutil.NoSuchProcess, FileNotFoundError):  # it has not outlived that
            self._limit("unlimited")

    def _limit(self, most: str) -> None:
        postmaster = self.postmaster
        for process in (postmaster, *postmaster.children()):  # those to come have it from the first
            with suppress(psutil.NoSuchProcess):
                # As its own user: not every root may set the limits of others.
                user, group = process.uids().real, process.gids().real
                command = ["prlimit", f"--pid={process.pid}", f"--fsize={most}:"]
                done = subprocess.run(
                    command, user=user, group=group, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0 or not process.is_running(), done.stderr

    # ---- Valkey ----

    def empty_redis(self) -> None:
        with redis.Redis.from_url(self.redis_url) as client:
            client.flushall()

    def kill_redis(self) -> None:
        with redis.Redis.from_url(self.redis_url) as client:
            valkey = psutil.Process(client.info("server")["process_id"])
        valkey.kill()
        valkey.wait()

    def start_redis(self) -> None:
        self.using.enter_context(engines.valkey(self.home))
