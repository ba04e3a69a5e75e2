"""One partner in this process that looks at several views side by side, each on a core of its own.

A look that all cores share leaves some of them waiting at every layer's end, and all but one while its views
are composed. Looks that have a core each do not: with many rounds they are the quicker way, and keep more of
the machine at work (docs/partner-speed.md). A look that is alone has all cores, and is over the sooner.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt

from clickme_partner.errors import PartnerError
from clickme_partner.looks import Looker
from clickme_partner.pace import Pace, remembered
from clickme_partner.session import Session
from clickme_partner.view import CROP


def at_its_pace(path: Path, version: str) -> tuple[Looker, Pace]:
    """A partner ready to look in this process, and the pace that the machine likes: see `remembered`.

    PartnerError as `Session` raises it.
    """
    session = Session(path, version=version)
    pace = remembered(session, path.parent)
    _lay_out(session, 1, pace.batch)
    if pace.looks == 1:
        return session, pace
    one_core = session.on_one_core()
    _lay_out(one_core, pace.looks, pace.batch)
    return SideBySide(session, one_core), pace


def _lay_out(looker: Looker, looks: int, batch: int) -> None:
    """Have the first looks behind it, which lay out memory, before anybody waits for one."""
    blank = np.zeros((batch, CROP, CROP, 3), np.uint8)
    # One that cannot look is away, which is for the engine to find, and to mend.
    with ThreadPoolExecutor(looks) as threads, suppress(PartnerError):
        list(threads.map(looker.logits, [blank] * looks))


class SideBySide:
    """Looks with `all_cores` when nobody else does, beside others with `one_core`: the same network."""

    def __init__(self, all_cores: Looker, one_core: Looker) -> None:
        self._all_cores = all_cores
        self._one_core = one_core
        self._looking = 0
        self._counting = threading.Lock()

    @property
    def version(self) -> str:
        return self._all_cores.version

    def logits(self, views: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """As `Looker` has it. To be called by several threads at once."""
        with self._counting:
            looker = self._one_core if self._looking else self._all_cores
            self._looking += 1
        try:
            return looker.logits(views)
        finally:
            with self._counting:
                self._looking -= 1

    def wake(self) -> None:
        self._all_cores.wake()
        self._one_core.wake()

    def close(self) -> None:
        self._all_cores.close()
        self._one_core.close()
