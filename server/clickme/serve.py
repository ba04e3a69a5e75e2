"""`clickme play`: everything a game needs, from an empty folder to an open page."""

import resource
import signal
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import select

from clickme.app import create_app
from clickme.catalogue.models import Image
from clickme.catalogue.service import add_demo, seed_categories
from clickme.kit.house import House, open_house
from clickme.kit.logs import set_up_logs
from clickme.partners.service import open_partner
from clickme.process import Server
from clickme.workers import serve_together
from clickme_partner.inference.serve import address_of, leave, listen


def serve(root: Path | None, *, host: str | None, port: int | None, workers: int, browser: bool) -> None:
    """Serve the game until it is told to stop. PartnerError `port_in_use`; what home and partner raise."""
    set_up_logs()
    raise_limit_of_files()
    # Told to stop, a process leaves through its `finally`s: what it started is stopped, what it holds let go.
    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, leave)
    with open_house(root) as house:
        host = host or house.settings.host
        with closing(listen(host, port or house.settings.port)) as listening:
            fill(house)
            with announcing(house, address_of(listening), browser=browser) as announce:
                if workers > 1:
                    serve_together(house, listening, workers, announce)
                else:
                    with closing(open_partner(house)) as partner:
                        app = create_app(house, partner)
                        Server(app, house.settings.limits, announce).run(sockets=[listening])


def raise_limit_of_files() -> None:
    """Each player's socket is a file: as many as the system lets this user have, not the few of a shell."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def fill(house: House) -> None:
    """The categories, and the bundled photographs for a house that has none."""
    with house.database.transaction() as session:
        seed_categories(session)
        if session.scalar(select(Image.id).limit(1)) is None:
            tally = add_demo(session, house.home.photographs, house.settings.limits)
            sys.stderr.write(f"Added the {tally.added} bundled photographs.\n")


@contextmanager
def announcing(house: House, address: str, *, browser: bool) -> Iterator[Callable[[], None]]:
    """What says where the game is, to people and to the home's other commands, until it is there no more."""
    written = house.home.address

    def announce() -> None:
        written.write_text(address)
        print(f"ClickMe is at {address}", flush=True)  # noqa: T201 - the address is this command's data
        if browser:
            webbrowser.open(address)

    try:
        yield announce
    finally:
        # Another server of this home may have written its own meanwhile.
        if written.exists() and written.read_text() == address:
            written.unlink()
