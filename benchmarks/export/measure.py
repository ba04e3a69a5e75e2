"""What a piece of work costs: its time on given cores, the processors' time, the memory of its processes."""

import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

EVERY = 0.1  # s, between two looks at memory


@dataclass
class Cost:
    """Of one run. The second processor time is that of Postgres, which works in processes of its own."""

    seconds: float = 0.0  # by the clock on the wall
    cpu: float = 0.0  # s
    postgres: float = 0.0  # s of processor time
    memory: int = 0  # bytes, at the peak of all its processes together; shared pages counted once


class Machine:
    """The cores there are, and the Postgres that shares them with whoever is measured."""

    def __init__(self, backend: int) -> None:
        """`backend` is the process id of any connection's server process."""
        self.cores = sorted(os.sched_getaffinity(0))
        self.postgres: psutil.Process = psutil.Process(backend).parent()

    @contextmanager
    def pinned(self, cores: Sequence[int]) -> Iterator[None]:
        """Keep this thread, what it starts, and Postgres to these cores."""
        self._pin(cores)
        try:
            yield
        finally:
            self._pin(self.cores)

    def _pin(self, cores: Sequence[int]) -> None:
        os.sched_setaffinity(0, cores)
        # Those that Postgres starts for new connections inherit it.
        for process in self._postgres():
            process.cpu_affinity(list(cores))

    def _postgres(self) -> list[psutil.Process]:
        return [self.postgres, *self.postgres.children()]

    @contextmanager
    def measured(self, who: int) -> Iterator[Cost]:
        """Measure the block. `who`, of `resource`: RUSAGE_THREAD, or RUSAGE_CHILDREN for what it starts."""
        cost = Cost()
        cpu, postgres, began = _cpu(who), self._postgres_cpu(), time.perf_counter()
        yield cost
        cost.seconds = time.perf_counter() - began
        cost.cpu, cost.postgres = _cpu(who) - cpu, self._postgres_cpu() - postgres

    def _postgres_cpu(self) -> float:
        """Of the server's processes that run, and of all that have ended."""
        times = [process.cpu_times() for process in self._postgres()]
        ended = times[0].children_user + times[0].children_system
        return float(ended + sum(each.user + each.system for each in times))

    def run(
        self, command: Sequence[str], environment: dict[str, str], look: Callable[[], None]
    ) -> tuple[Cost, str]:
        """Run a command to its end; also gives what it says on stdout. Calls `look` from time to time.

        `SystemExit` if it fails.
        """
        with self.measured(resource.RUSAGE_CHILDREN) as cost:
            process = subprocess.Popen(
                command,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,  # Ctrl-C comes to it once, from here
            )
            ended = threading.Event()
            watcher = threading.Thread(target=self._watch, args=(process.pid, ended, cost, look))
            watcher.start()
            try:
                said, complaint = process.communicate()
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)
                process.communicate()
                raise
            finally:
                ended.set()
                watcher.join()
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}:\n{complaint[-2000:]}")
        return cost, said

    def _watch(self, root: int, ended: threading.Event, cost: Cost, look: Callable[[], None]) -> None:
        """Keep the peak memory of `root` and all that it starts, from another core if there is one."""
        os.sched_setaffinity(0, self.cores)
        while not ended.wait(EVERY):
            look()
            cost.memory = max(cost.memory, memory(root))


def memory(root: int) -> int:
    """Bytes held by a process and all below it now (PSS: a page that several share is counted once)."""
    held = 0
    try:
        top = psutil.Process(root)
        family = [top, *top.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in family:
        try:
            held += process.memory_full_info().pss
        except psutil.NoSuchProcess:  # it ended while the others were looked at
            continue
    return held


def _cpu(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime
