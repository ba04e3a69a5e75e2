"""Programs that the benchmark starts and stops: what is measured, and who shows views to it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil
from numpy.typing import NDArray

from clickme_partner.session import CLASSES

from ..export.measure import memory
from .forms import Form
from .load import request

ROOT: Final = Path(__file__).parents[2]
LITSERVE: Final = ROOT / ".venv-bench" / "bin" / "python"
CLICKME: Final = Path(sys.executable).with_name("clickme")
STARTS_S: Final = 120.0  # until a server answers: ours tries batches when it sees a partner first
ENDS_S: Final = 15.0

ALONE, PLAIN, BATCHED, SERVICE, GAME = "abcde"
SYSTEMS: Final = {
    ALONE: "onnxruntime alone",
    PLAIN: "FastAPI, a run for each request",
    BATCHED: "LitServe, batching",
    SERVICE: "clickme partner serve",
    GAME: "clickme, in the game's process",
}
SPEECHES: Final = {PLAIN: "look", BATCHED: "predict", SERVICE: "v2"}


@dataclass(frozen=True)
class Tuned:
    """What LitServe is told: the most views of a batch, and how long one waits to be full, s."""

    batch: int
    timeout: float

    def __str__(self) -> str:
        return f"max_batch_size {self.batch}, batch_timeout {self.timeout:g} s"


@dataclass
class Asked:
    """A program that answers lines, and the one whose memory counts."""

    process: "subprocess.Popen[str]"
    measured: int  # process id

    def __call__(self, **what: float) -> Any:
        """Ask for something and wait for the answer. `SystemExit` if the program ended instead."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return json.loads(self._line())

    def ready(self) -> None:
        self._line()

    def memory(self) -> int:
        """Bytes of the measured program and all that it started."""
        return memory(self.measured)

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.process.args!r} ended with {self.process.wait()}.")
        return line


@contextmanager
def running(system: str, form: Form, tuned: Tuned) -> Iterator[Asked]:
    """A system with the model of a form, ready to be asked for what it does under a load, or alone."""
    if system == ALONE:
        with asked("servers.alone", form.model) as program:
            yield program
        return
    if system == GAME:
        with asked("servers.game", form.home) as program:
            yield program
        return
    port = free_port()
    with (
        server(system, form, tuned, port) as process,
        asked("load", port, SPEECHES[system], measured=process.pid) as program,
    ):
        yield program


@contextmanager
def asked(module: str, *arguments: object, measured: int | None = None) -> Iterator[Asked]:
    """A module of this package as a program that answers lines; it ends with its stdin."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.partner.{module}", *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    try:
        program = Asked(process, measured or process.pid)
        program.ready()
        yield program
    finally:
        end(process, process.stdin.close)


@contextmanager
def server(system: str, form: Form, tuned: Tuned, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A server that has answered its first view."""
    ours, here = sys.executable, "benchmarks.partner.servers"
    command: list[object] = {
        PLAIN: [ours, "-m", f"{here}.plain", form.model, port],
        BATCHED: [LITSERVE, "-m", f"{here}.with_litserve", form.model, port, tuned.batch, tuned.timeout],
        SERVICE: [CLICKME, "partner", "serve", "--port", port],
    }[system]
    log = form.home / f"{system}.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=ROOT,
            env=os.environ | {"CLICKME_HOME": str(form.home)},
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C comes to it once, from here
        )
    try:
        logits = until_it_answers(process, request(SPEECHES[system], form.view.tobytes()), port, log)
        if not np.allclose(logits, form.logits, rtol=1e-3, atol=1e-2):
            raise SystemExit(f"{SYSTEMS[system]} comes to other logits than the partner itself.")
        yield process
    finally:
        # LitServe ends what it started on Ctrl-C only.
        how = signal.SIGINT if system == BATCHED else signal.SIGTERM
        end(process, lambda: process.send_signal(how))


def end(process: "subprocess.Popen[Any]", tell: Callable[[], None]) -> None:
    """Tell a program to end, and wait; what is left of it and of what it started is killed."""
    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    tell()
    try:
        process.wait(ENDS_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _, left = psutil.wait_procs(family, 1.0)
    for child in left:
        child.kill()


def until_it_answers(
    process: "subprocess.Popen[bytes]", first: bytes, port: int, log: Path
) -> NDArray[np.float32]:
    """The logits, float32 [1000], of the first view. `SystemExit` with what the server said if none come."""
    patience = time.monotonic() + STARTS_S
    while process.poll() is None and time.monotonic() < patience:
        try:
            with socket.create_connection(("127.0.0.1", port), STARTS_S) as connection:
                connection.sendall(first)
                answer = HTTPResponse(connection)
                answer.begin()
                body = answer.read()
            if answer.status == HTTPStatus.OK:
                return np.frombuffer(body[-4 * CLASSES :], np.float32)
        except (OSError, HTTPException):  # not yet
            pass
        time.sleep(0.05)
    raise SystemExit(f"{process.args!r} does not answer:\n{log.read_text()[-2000:]}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
