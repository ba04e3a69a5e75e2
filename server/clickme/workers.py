"""Several processes that serve one game at one address, and one partner for all: `clickme play --workers N`.

Each worker is a server of its own, as one on another machine would be: what they share is in Postgres and
Redis. A worker that dies is replaced; SIGHUP replaces all of them, one after another, and no round is lost.
"""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from socket import socket
from typing import Final

import structlog
import uvicorn
from fastapi import FastAPI
from prometheus_client.multiprocess import mark_process_dead
from uvicorn.supervisors.multiprocess import Multiprocess

from clickme.app import create_app
from clickme.kit.house import House, open_house
from clickme.kit.logs import set_up_logs
from clickme.partners.service import open_partner, own_partner
from clickme.process import collect_seldom, configured, drain_first
from clickme_partner.inference.serve import address_of, listen

log = structlog.get_logger()

STARTS_S: Final = 60.0  # until a worker answers
AGAIN_S: Final = 1.0  # until a partner that died is started again


class Workers(Multiprocess):
    """Says where the game is once all workers answer; forgets what those who left count no more."""

    def __init__(
        self, config: uvicorn.Config, listening: socket, announce: Callable[[], None], metrics: str
    ) -> None:
        super().__init__(config, [listening])
        self.announce = announce
        self.metrics = metrics

    def init_processes(self) -> None:
        super().init_processes()
        if all(worker.wait_until_ready(STARTS_S, self.should_exit) for worker in self.processes):
            self.announce()

    def keep_subprocess_alive(self) -> None:
        with self.leaving():
            super().keep_subprocess_alive()

    def restart_all(self) -> None:
        with self.leaving():
            super().restart_all()

    @contextmanager
    def leaving(self) -> Iterator[None]:
        before = {worker.pid for worker in self.processes}
        yield
        for pid in before - {worker.pid for worker in self.processes}:
            mark_process_dead(pid, self.metrics)


def serve_together(house: House, listening: socket, count: int, announce: Callable[[], None]) -> None:
    """Serve with so many workers until told to stop."""
    with ExitStack() as stack:
        # Not in the home: servers on other machines may share that, and count for themselves.
        metrics = stack.enter_context(tempfile.TemporaryDirectory(prefix="clickme-metrics-"))
        # Workers are started anew, not forked: the environment is what they have of this process.
        os.environ |= {
            "CLICKME_HOME": str(house.home.root),
            "CLICKME_DATABASE_URL": house.database.url,
            "CLICKME_REDIS_URL": house.redis_url,
            "PROMETHEUS_MULTIPROC_DIR": metrics,
        }
        if house.settings.partner_url is None:
            os.environ["CLICKME_PARTNER_URL"] = stack.enter_context(partner_for_all(house))
        config = configured(
            "clickme.workers:application",
            house.settings.limits,
            factory=True,
            workers=count,
            timeout_worker_healthcheck=round(STARTS_S),
        )
        Workers(config, listening, announce, metrics).run()


def application() -> FastAPI:
    """The application of one worker, which finds everything in its environment."""
    set_up_logs()
    threading.excepthook = all_but_a_closed_pipe
    house = open_house().__enter__()  # the process ends with it
    app = create_app(house, open_partner(house))
    collect_seldom()
    drain_first(app)
    return app


def all_but_a_closed_pipe(failed: threading.ExceptHookArgs) -> None:
    """uvicorn's worker thread ends so when the worker is told to stop; there is nothing to say about it."""
    if failed.exc_type is not EOFError:
        threading.__excepthook__(failed)


@contextmanager
def partner_for_all(house: House) -> Iterator[str]:
    """The address of a server of the home's partner, which is started again should it die."""
    own_partner(house)
    with closing(listen("127.0.0.1", 0)) as free:
        address, port = address_of(free), free.getsockname()[1]
    typed = ["partner", "serve", "--home", str(house.home.root), "--port", str(port)]
    command = [sys.executable, "-c", "from clickme.cli import main; main()", *typed]
    leaving = threading.Event()
    running: list[subprocess.Popen[bytes]] = []

    def keep() -> None:
        while not leaving.is_set():
            running[:] = [subprocess.Popen(command, stdout=subprocess.DEVNULL)]
            status = running[0].wait()
            if not leaving.is_set():
                log.warning("partner_died", status=status)
                leaving.wait(AGAIN_S)

    keeping = threading.Thread(target=keep, name="partner", daemon=True)
    keeping.start()
    try:
        yield address
    finally:
        leaving.set()
        while keeping.is_alive():  # it may be starting one just now
            for process in running:
                process.terminate()
            keeping.join(0.2)
