"""How many players does one core carry, and how many the plain way of keeping what they do?

    python -m benchmarks.load [--systems server,plain] [--players N,…] [--seconds S] [--repeats N]
                              [--profile FILE]

The server has one core to itself; players (those of `clickme simulate`, in this process) and Postgres share
the others. Twice as many come each time, until an ack takes more than 250 ms (p99) or something is lost; then
numbers between are tried, and the largest that went well again, `repeats` times in all. With --players only
those numbers are tried.

Prints Markdown on stdout, and on stderr what is being measured.
"""

import argparse
import os
import signal
import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg2
from rich.console import Console

from clickme.kit.house import open_house
from clickme.settings import Settings

from .bench import Bench
from .house import fill
from .machine import BusyMachine
from .programs import SYSTEMS
from .report import pieces


def main() -> None:
    chosen = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # through the `finally`s: they end what was started
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    if len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("This needs two cores: one for the server, one for those who play.")
    with ExitStack() as stack:
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="clickme-bench-", ignore_cleanup_errors=True)
        )
        settings = Settings(home=Path(folder), database_url=None, redis_url=None)
        house = stack.enter_context(open_house(settings=settings))
        fill(house)
        with closing(psycopg2.connect(house.database.url)) as connection:
            machine = BusyMachine(connection.info.backend_pid)
            version = str(connection.info.server_version // 10000)
        found = Bench(house, machine, chosen, console).run()
    for piece in pieces(found, chosen.seconds, version):
        print(piece, end="\n\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--systems", type=lambda said: said.split(","), default=list(SYSTEMS))
    parser.add_argument("--players", type=lambda said: [int(number) for number in said.split(",")])
    parser.add_argument("--seconds", type=float, default=20.0, help="of a measurement, once all have come")
    parser.add_argument("--repeats", type=int, default=3, help="of the largest number that goes well")
    parser.add_argument("--profile", type=Path, help="where our server says where its threads were")
    return parser.parse_args()


if __name__ == "__main__":
    main()
