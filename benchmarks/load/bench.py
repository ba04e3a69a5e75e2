"""Measures: servers on a core of their own, more and more players on the others."""

import argparse
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Final

import psutil
import uvloop
from rich.console import Console

from clickme.kit.house import House
from clickme.simulate.crowd import Crowd, Plan
from clickme.simulate.kept import by_sql
from clickme.simulate.report import Report

from .machine import BusyMachine
from .programs import OURS, SYSTEMS, Program, running
from .results import Found, Results

FIRST: Final = 125  # players
MOST: Final = 8_000
HALVINGS: Final = 3  # of the distance between a number that went well and one that did not


@dataclass
class Shares:
    """Of one core, while it was measured."""

    server: float = 0.0
    client: float = 0.0
    postgres: float = 0.0
    others: float = 0.0


class Bench:
    """A house, and a machine whose last core is the server's; the others are for players and Postgres."""

    def __init__(
        self, house: House, machine: BusyMachine, chosen: argparse.Namespace, console: Console
    ) -> None:
        self.house, self.machine, self.chosen, self.console = house, machine, chosen, console
        self.began = time.monotonic()
        self.found: Results = {system: {} for system in chosen.systems}

    def run(self) -> Results:
        with self.machine.pinned(self.machine.cores[:-1]):
            for system in self.chosen.systems:
                if self.chosen.players:
                    for players in self.chosen.players:
                        self.repeat(system, players)
                else:
                    self.search(system)
        return self.found

    def search(self, system: str) -> None:
        """The largest number of players that goes well."""
        well, ill = 0, MOST
        players = FIRST
        while players < ill:
            if self.measure(system, players).well:
                well, players = players, 2 * players
            else:
                ill = players
        for _ in range(HALVINGS):
            middle = round((well + ill) / 2)
            if self.measure(system, middle).well:
                well = middle
            else:
                ill = middle
        if well:
            self.repeat(system, well)

    def repeat(self, system: str, players: int) -> None:
        while len(self.found[system].get(players, [])) < self.chosen.repeats:
            self.measure(system, players)

    def measure(self, system: str, players: int) -> Found:
        more = [str(self.chosen.profile)] if self.chosen.profile and system == OURS else []
        core = self.machine.cores[-1]
        with running(system, self.house, core, *more) as program:
            found = self.load(program, players)
        self.found[system].setdefault(players, []).append(found)
        self.console.print(
            f"{time.monotonic() - self.began:7.1f} s  {SYSTEMS[system]}: {players:,} players: "
            f"p99 {found.p99:.0f} ms, {found.report.frames_per_s:,.0f} frames a second, "
            f"server {found.server:.2f}, players {found.client:.2f}, Postgres {found.postgres:.2f} cores, "
            f"others on the server's {found.others:.2f}, "
            f"{found.report.errors or 'no errors'}{'' if found.report.whole else ', NOT WHOLE'}"
        )
        return found

    def load(self, program: Program, players: int) -> Found:
        shares = Shares()

        @contextmanager
        def during() -> Iterator[None]:
            began, used, busy = time.perf_counter(), program.cpu_s(), busy_s(self.machine.cores[-1])
            with self.machine.measured(resource.RUSAGE_SELF) as cost:
                yield
            seconds = time.perf_counter() - began
            shares.server = (program.cpu_s() - used) / seconds
            shares.client, shares.postgres = cost.cpu / seconds, cost.postgres / seconds
            all_of_it = (busy_s(self.machine.cores[-1]) - busy) / seconds
            shares.others = max(0.0, all_of_it - shares.server)

        async def play() -> Crowd:
            crowd = Crowd(Plan(program.url, players, self.chosen.seconds))
            await crowd.visit(lambda step, fraction=None: None, during())
            return crowd

        crowd = uvloop.run(play())
        memory = program.memory()
        report = Report.of(crowd, by_sql(self.house.database, crowd.tally.played))
        return Found(report, memory=memory, **asdict(shares))


def busy_s(core: int) -> float:
    """For how long a core has been at work so far."""
    times = psutil.cpu_times(percpu=True)[core]
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)
