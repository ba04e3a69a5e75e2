"""The game with a partner that answers at once: `python -m benchmarks.load.server CORE PORT [PROFILE]`.

All of it keeps to one core. Home and limits are in the environment. With PROFILE it writes there, when told
to stop, where its threads were.
"""

import os
import signal
import sys
from contextlib import ExitStack, closing
from pathlib import Path

from clickme.app import create_app
from clickme.kit.house import open_house
from clickme.kit.logs import set_up_logs
from clickme.process import Server
from clickme_partner.engine import Engine
from clickme_partner.inference.serve import address_of, leave, listen

from .profile import profiled
from .stub import Stub

BATCH = 32  # views


def main(core: int, port: int, profile: Path | None) -> None:
    # Before there are threads, which inherit it. Postgres runs already.
    os.sched_setaffinity(0, {core})
    set_up_logs()
    signal.signal(signal.SIGTERM, leave)
    with ExitStack() as stack:
        house = stack.enter_context(open_house())
        listening = stack.enter_context(closing(listen("127.0.0.1", port)))
        partner = stack.enter_context(closing(Engine(Stub(), batch=BATCH)))
        if profile:
            stack.enter_context(profiled(profile))
        address = address_of(listening)
        Server(create_app(house, partner), house.settings.limits, lambda: print(address, flush=True)).run(
            sockets=[listening]
        )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None)
