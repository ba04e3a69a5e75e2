"""`clickme play`: everything a game needs, from an empty folder to an open page."""

import signal
import socket
import sys
import webbrowser
from contextlib import closing
from pathlib import Path

import uvicorn
from sqlalchemy import select

from clickme.app import create_app
from clickme.catalogue.models import Image
from clickme.catalogue.service import add_demo, seed_categories
from clickme.kit.house import House, open_house
from clickme.kit.logs import set_up_logs
from clickme.partners.service import open_partner
from clickme_partner.engine import Engine
from clickme_partner.inference.serve import DRAIN_S, address_of, leave, listen


class Server(uvicorn.Server):
    """Says where it is once it answers."""

    def __init__(self, config: uvicorn.Config, house: House, address: str, *, browser: bool) -> None:
        super().__init__(config)
        self.house = house
        self.address = address
        self.browser = browser

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.house.home.address.write_text(self.address)
            print(f"ClickMe is at {self.address}", flush=True)  # noqa: T201 - the address is this command's data
            if self.browser:
                webbrowser.open(self.address)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        written = self.house.home.address
        # Another server of this home may have written its own meanwhile.
        if written.exists() and written.read_text() == self.address:
            written.unlink()
        await super().shutdown(sockets)


def serve(root: Path | None, *, host: str | None, port: int | None, browser: bool) -> None:
    """Serve the game until it is told to stop. PartnerError `port_in_use`; what home and partner raise."""
    set_up_logs()
    # Told to stop, a process leaves through its `finally`s: what it started is stopped, what it holds let go.
    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, leave)
    with open_house(root) as house:
        host = host or house.settings.host
        with closing(listen(host, port or house.settings.port)) as listening:
            fill(house)
            partner = open_partner(house)
            try:
                run(house, partner, listening, browser=browser)
            finally:
                partner.close()


def fill(house: House) -> None:
    """The categories, and the bundled photographs for a house that has none."""
    with house.database.transaction() as session:
        seed_categories(session)
        if session.scalar(select(Image.id).limit(1)) is None:
            tally = add_demo(session, house.home.photographs, house.settings.limits)
            sys.stderr.write(f"Added the {tally.added} bundled photographs.\n")


def run(house: House, partner: Engine, listening: socket.socket, *, browser: bool) -> None:
    config = uvicorn.Config(
        create_app(house, partner),
        log_config=None,
        access_log=False,
        ws_max_size=house.settings.limits.frame_bytes_hard,
        ws_ping_interval=20,
        timeout_graceful_shutdown=DRAIN_S,
        server_header=False,
    )
    Server(config, house, address_of(listening), browser=browser).run(sockets=[listening])
