"""The cores there are, and a Postgres whose connections come and go while it is looked at."""

import os
from collections.abc import Sequence
from contextlib import suppress

import psutil

from ..export.measure import Machine


class BusyMachine(Machine):
    """A process of Postgres that has ended meanwhile is passed over: its time is its parent's then."""

    def _pin(self, cores: Sequence[int]) -> None:
        os.sched_setaffinity(0, cores)
        for process in self._postgres():
            with suppress(psutil.NoSuchProcess):
                process.cpu_affinity(list(cores))

    def _postgres_cpu(self) -> float:
        used = 0.0
        for process in self._postgres():
            with suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                used += times.user + times.system
                if process == self.postgres:
                    used += times.children_user + times.children_system
        return float(used)
