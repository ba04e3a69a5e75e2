"""The partner of a house, ready to look: its own, in this process, or a server somewhere else."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from rich.console import Console

from clickme_partner.engine import Engine
from clickme_partner.install import install
from clickme_partner.registry import Installed, installed
from clickme_partner.side_by_side import at_its_pace

if TYPE_CHECKING:
    from clickme.kit.house import House
    from clickme_partner.published import Report

# To a server: views in one request, and requests under way, so that it has the next one when it is done. No
# more: what is under way is no longer the newest, and a slow server shall answer it within its time.
FAR_BATCH: Final = 8
FAR_REQUESTS: Final = 2


def open_partner(house: "House") -> Engine:
    """The server at `CLICKME_PARTNER_URL`, else the home's own partner.

    PartnerError where the home's cannot look; a server that cannot is away until it can.
    """
    if (url := house.settings.partner_url) is not None:
        from clickme_partner.inference.client import Remote

        return Engine(Remote(url.get_secret_value()), batch=FAR_BATCH, workers=FAR_REQUESTS)
    return at_hand(own_partner(house))


def own_partner(house: "House") -> Installed:
    """The home's partner: the best there is, where it has none yet."""
    found = installed(house.home.partner)
    if found is None:
        from clickme.partners.optimise import quickest

        with reporting() as report:
            plain = install(None, folder=house.home.partner, cache=house.settings.cache, report=report)
            found = quickest(house.home.partner, plain, report)
    return found


def at_hand(partner: Installed) -> Engine:
    """A partner that looks in this process, at the pace that this machine likes."""
    looker, pace = at_its_pace(partner.path, partner.version)
    return Engine(looker, batch=pace.batch, workers=pace.looks)


@contextmanager
def reporting() -> Iterator["Report"]:
    """Say on stderr what an installation is doing."""
    console = Console(stderr=True)
    with console.status("Installing a partner") as status:

        def report(step: str, fraction: float | None = None) -> None:
            if fraction is None:
                console.print(f"Partner: {step}", soft_wrap=True, markup=False, highlight=False)
            status.update(step if fraction is None else f"{step} {fraction:.0%}")

        yield report
