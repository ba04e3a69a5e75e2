"""One process that serves the game: how it listens, and how it leaves."""

import gc
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from fastapi import FastAPI

from clickme.settings import Limits
from clickme_partner.inference.serve import DRAIN_S


def configured(app: FastAPI | str, limits: Limits, **more: Any) -> uvicorn.Config:
    """How uvicorn serves an application, or what a name of a function makes."""
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        ws_max_size=limits.frame_bytes_hard,
        ws_ping_interval=20,
        ws_per_message_deflate=False,  # frames are too short to gain by it, and it makes bombs of long ones
        proxy_headers=False,  # whose word is taken, the settings say
        timeout_graceful_shutdown=DRAIN_S,
        **more,
    )


class Server(uvicorn.Server):
    """Says that it answers once it does; told to stop, it lets its rounds end first."""

    def __init__(self, app: FastAPI, limits: Limits, announce: Callable[[], None]) -> None:
        super().__init__(configured(app, limits))
        self.app = app
        self.announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            collect_seldom()
            drain_first(self.app)
            self.announce()


def collect_seldom() -> None:
    """Have Python look for cycles of garbage seldom, and never among what is there by now.

    With 200 players its walks over all that lives took up to 0.3 s, in which nobody was answered.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def drain_first(app: FastAPI) -> None:
    """From now on a SIGTERM is first obeyed by the game, which lets its rounds end, then by the server.

    A second one is obeyed at once. For the main thread of a process whose server has its handlers in place.
    """
    stop = signal.getsignal(signal.SIGTERM)
    assert callable(stop)

    def told(number: int, frame: FrameType | None) -> None:
        if app.state.draining or not hasattr(app.state, "game"):
            stop(number, frame)
            return
        app.state.draining = True
        app.state.game.leave(lambda: stop(number, None))

    signal.signal(signal.SIGTERM, told)
