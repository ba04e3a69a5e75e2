"""Servers that the benchmark starts and stops, each on one core."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

import psutil

from clickme.kit.house import House

ROOT: Final = Path(__file__).parents[2]
STARTS_S: Final = 60.0
ENDS_S: Final = 30.0

OURS, PLAIN = "server", "plain"
SYSTEMS: Final = {OURS: "clickme", PLAIN: "a commit per message"}
# A crowd comes from one address.
LIMITS: Final = {
    "CLICKME_LIMIT_SIGN_UPS": "100000/minute",
    "CLICKME_LIMIT_SOCKETS_PER_ADDRESS": "100000",
}


@dataclass(frozen=True)
class Program:
    """A server that answers at `url`."""

    url: str
    process: psutil.Popen

    def cpu_s(self) -> float:
        """Processor time that it has taken so far."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def memory(self) -> int:
        """Bytes that are its own or its share of what is shared."""
        return int(self.process.memory_full_info().pss)


@contextmanager
def running(system: str, house: House, core: int, *more: str) -> Iterator[Program]:
    """One of `SYSTEMS` on that core, in a house that is open already. What it says goes to stderr."""
    port = free_port()
    process = psutil.Popen(
        [sys.executable, "-m", f"benchmarks.load.{system}", str(core), str(port), *more],
        cwd=ROOT,
        env=os.environ
        | LIMITS
        | {"CLICKME_HOME": str(house.home.root), "OMP_NUM_THREADS": "1"}
        | ({"CLICKME_DATABASE_URL": house.database.url} if system == PLAIN else {}),
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C comes to it once, from here
    )
    try:
        until_it_answers(process, port)
        yield Program(f"http://127.0.0.1:{port}", process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(ENDS_S)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait()


def until_it_answers(process: psutil.Popen, port: int) -> None:
    patience = time.monotonic() + STARTS_S
    while time.monotonic() < patience and process.poll() is None:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/api/consent")
            if connection.getresponse().status == 200:
                return
        except (OSError, HTTPException):  # not yet
            pass
        finally:
            connection.close()
        time.sleep(0.1)
    raise SystemExit(f"{process.args!r} does not answer.")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
