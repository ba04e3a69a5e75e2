"""How many bubbles a second does the log take in, beside the limit and beside the plain way?

    python -m benchmarks.ingest [--passes N] [--rounds N] [--players N]

The same rows into the same table of the same Postgres, in batches of 2 bubbles, as the page sends them, and
of 20: (a) PostgreSQL's COPY, committed in chunks as large as those of the log; (b) an INSERT and a commit for
each batch; (c) our log, called by many rounds at once; (d) our log behind the socket of a real server. In
each pass every way begins with an empty table: (c) first, because (a) has to know how much it commits at
once, then the others in another order each time.

Prints Markdown on stdout, and on stderr what is being measured.
"""

import argparse
import random
import signal
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psycopg2
import uvloop
from rich.console import Console

from clickme.kit.house import House, open_house
from clickme.settings import Settings

from ..load.house import fill
from .report import pieces
from .results import COPY, EACH, LOG, SOCKET, WAYS, Results
from .rows import RULES, Rows, begin_rounds
from .sockets import Game, come_in, game, round_of
from .ways import ROWS_EACH, copied, logged, one_by_one

GROUPS = {2: 1, 20: 5}  # of rounds that run at once, one after another, by the bubbles in a batch


def main() -> None:
    chosen = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # through the `finally`s: they end what was started
    console = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    with tempfile.TemporaryDirectory(prefix="clickme-bench-", ignore_cleanup_errors=True) as folder:
        settings = Settings(home=Path(folder), database_url=None, redis_url=None)
        with open_house(settings=settings) as house:
            rounds = begin_rounds(house.database, chosen.rounds * max(GROUPS.values()))
            fill(house)
            with closing(psycopg2.connect(house.database.url)) as connection:
                version = str(connection.info.server_version // 10000)
            with game(house) as server:
                bench = Bench(house, server, rounds, chosen, console)
                for number in range(chosen.passes):
                    bench.do(number)
    for piece in pieces(bench.results, version):
        print(piece, end="\n\n")


class Bench:
    """A house with rounds that run, and a server with players who have come."""

    def __init__(
        self,
        house: House,
        server: Game,
        rounds: tuple[int, ...],
        chosen: argparse.Namespace,
        console: Console,
    ) -> None:
        self.house, self.server, self.console = house, server, console
        self.groups = [rounds[begin :: len(rounds) // chosen.rounds] for begin in range(max(GROUPS.values()))]
        self.chance = random.Random(chosen.seed)
        self.cookies = uvloop.run(come_in(server.url, chosen.players))
        self.results = Results()
        self.began = time.monotonic()

    def do(self, number: int) -> None:
        """One pass."""
        for size, groups in GROUPS.items():
            rows = [Rows(rounds, size) for rounds in self.groups[:groups]]
            at_once = 1
            for way in (LOG, *self.chance.sample([COPY, EACH, SOCKET], 3)):
                self.empty()
                bubbles = sum(len(each.rounds) for each in rows) * RULES.most_bubbles
                if way == LOG:
                    times, in_commits = zip(*(logged(self.house, each) for each in rows), strict=True)
                    took, in_a_commit = sum(times), statistics.mean(in_commits)
                    self.results.commits[size].append(in_a_commit)
                    at_once = round(in_a_commit)
                elif way == COPY:
                    took = sum(copied(self.house.database, each, at_once) for each in rows)
                elif way == EACH:
                    took, bubbles = one_by_one(self.house.database, rows[0]), ROWS_EACH * size
                else:
                    took = uvloop.run(round_of(self.server, self.cookies, size))
                    bubbles = len(self.cookies) * RULES.most_bubbles
                self.check(bubbles)
                self.results.speeds[way, size].append(bubbles / took)
                self.console.print(
                    f"{time.monotonic() - self.began:7.1f} s  pass {number + 1}, batches of {size}: "
                    f"{WAYS[way]}: {bubbles / took:,.0f} bubbles a second"
                )

    def empty(self) -> None:
        """Begin with an empty table, and with nothing left for Postgres to write down."""
        with closing(psycopg2.connect(self.house.database.url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("TRUNCATE bubble_batches")
                cursor.execute("VACUUM rounds")
                cursor.execute("CHECKPOINT")

    def check(self, bubbles: int) -> None:
        """`SystemExit` unless exactly so many bubbles are there."""
        with closing(psycopg2.connect(self.house.database.url)) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT sum(length(xyt)) / 6 FROM bubble_batches")
            (there,) = cursor.fetchone() or (0,)
        if there != bubbles:
            raise SystemExit(f"{there:,} bubbles are there, {bubbles:,} were written.")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ingest", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=1_000, help="that run at once")
    parser.add_argument("--players", type=int, default=200, help="at the socket")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
