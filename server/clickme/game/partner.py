"""The partner that looks in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console

from clickme_partner.engine import Engine
from clickme_partner.install import install, installed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from clickme.kit.house import House
    from clickme_partner.published import Report


@dataclass(frozen=True)
class LoadedPartner:
    """A partner, ready to look. `version`, as name@sha256, is recorded with every round."""

    version: str
    engine: Engine

    async def top(self, view: "NDArray[np.uint8]", k: int) -> tuple[int, ...]:
        return await self.engine.top(view, k)

    def close(self) -> None:
        self.engine.close()


def open_partner(house: "House") -> LoadedPartner:
    """The partner of the house; the best that can be had is installed where there is none yet."""
    found = installed(house.home.partner)
    if found is None:
        with reporting() as report:
            found = install(None, folder=house.home.partner, cache=house.settings.cache, report=report)
    return LoadedPartner(f"{found.name}@{found.sha256}", Engine(found.path))


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
