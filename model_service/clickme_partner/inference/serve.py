"""The partner as a server of its own: `clickme partner serve`."""

import signal
import socket
from contextlib import closing
from typing import Final, NoReturn

import uvicorn

from clickme_partner.engine import Engine
from clickme_partner.errors import PartnerError
from clickme_partner.inference.service import create_service
from clickme_partner.inference.wire import MOST_VIEWS
from clickme_partner.looks import Looker
from clickme_partner.pace import Pace

PORT: Final = 8770
DRAIN_S: Final = 10  # for answers under way when the server is told to stop
WAIT_S: Final = 2.0  # the queue that a view may find before it: callers give up soon after


class Server(uvicorn.Server):
    """Says where it is once it answers."""

    def __init__(self, config: uvicorn.Config, address: str) -> None:
        super().__init__(config)
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            print(f"The partner is at {self._address}", flush=True)  # noqa: T201 - the address is its data


def run_service(looker: Looker, pace: Pace, *, host: str = "127.0.0.1", port: int = PORT) -> NoReturn:
    """Serve until told to stop, by SIGTERM or SIGINT; then answer what is under way, and leave (status 0).

    `looker` is closed in the end. Port 0 is any that is free. PartnerError `port_in_use`.
    """
    with closing(listen(host, port)) as listening:
        # The server lets these through once it has drained.
        for told in (signal.SIGTERM, signal.SIGINT):
            signal.signal(told, leave)
        most_waiting = max(MOST_VIEWS, round(WAIT_S * pace.views_per_s))
        with closing(
            Engine(looker, batch=pace.batch, workers=pace.looks, most_waiting=most_waiting)
        ) as engine:
            config = uvicorn.Config(
                create_service(engine),
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=30,  # s, longer than clients keep a connection that they do not use
                timeout_graceful_shutdown=DRAIN_S,
            )
            Server(config, address_of(listening)).run(sockets=[listening])
    raise SystemExit(0)


def leave(*_: object) -> NoReturn:
    raise SystemExit(0)


def listen(host: str, port: int) -> socket.socket:
    """A socket of our own, so that a port in use is known before anything else is done."""
    try:
        if port > 65535:  # getaddrinfo would count on from 0
            raise OverflowError
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, number)
    except (OSError, UnicodeError, OverflowError):
        raise PartnerError("port_in_use", f"There is no address {host}:{port} on this machine.") from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(1024)
    except OSError as error:
        listening.close()
        message = f"Port {port} at {host} cannot be used: {error.strerror}. Name another one with --port."
        raise PartnerError("port_in_use", message) from None
    return listening


def address_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
