"""Our export, as a person runs it, watched from outside."""

import json
import os
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from clickme.export.workspace import Workspace
from clickme.maps.reliability import PHOTOGRAPHS as COMPARED

from .measure import Cost, Machine
from .play import PHOTOGRAPHS

COMMAND = Path(sys.executable).with_name("clickme")
PHASES = ("start", "read the database", "maps and files", "reliability", "the rest")


@dataclass(frozen=True)
class Done:
    """An export that was run."""

    cost: Cost
    phases: dict[str, float]  # s of the wall clock that each of PHASES took
    photographs: int
    maps: int
    with_company: int  # photographs with two players or more, on which reliability is measured

    def at_full_size(self) -> float:
        """Seconds at the paper's size: reading and maps grow with it, reliability up to its 10,000."""
        times = PHOTOGRAPHS / self.photographs
        here = min(self.with_company, COMPARED)
        there = min(self.with_company * times, COMPARED)
        start, reading, maps, reliability, rest = (self.phases[phase] for phase in PHASES)
        return start + (reading + maps) * times + reliability * there / max(here, 1) + rest


class Watch:
    """Follows the export's hidden folder: what is written when says which phase it is in."""

    def __init__(self, out: Path) -> None:
        self.workspace = Workspace(out)
        self.began = time.time()
        self.ends: dict[str, float] = {}

    def look(self) -> None:
        hidden = self.workspace.hidden
        if hidden.exists():
            self.ends.setdefault(PHASES[0], time.time())
        self._latest(PHASES[1], [self.workspace.plan])
        self._latest(PHASES[2], hidden.glob("results/shard-*.json"))
        self._latest(PHASES[3], hidden.glob("results/pairs-*.json"))

    def _latest(self, phase: str, files: Iterable[Path]) -> None:
        for file in files:
            with suppress(FileNotFoundError):  # all of it goes when the export is done
                self.ends[phase] = max(self.ends.get(phase, 0), file.stat().st_mtime)

    def phases(self, seconds: float) -> dict[str, float]:
        """How long each took, of `seconds` in all."""
        took, before = {}, 0.0
        for phase in PHASES[:-1]:
            end = max(self.ends.get(phase, self.began) - self.began, before)
            took[phase], before = end - before, end
        return took | {PHASES[-1]: seconds - before}


def export(machine: Machine, home: Path, out: Path) -> Done:
    """Run `clickme export` of everything in `home` to `out`, a folder that is not there yet."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CLICKME_")}
    folders = ["--home", str(home), "--out", str(out)]
    command = [str(COMMAND), "export", "--format", "tfrecord", "--json", *folders]
    watch = Watch(out)
    cost, said = machine.run(command, environment, watch.look)
    report = json.loads(said)
    phases = watch.phases(cost.seconds)
    company = (report["reliability"] or {}).get("photographs", 0)
    return Done(cost, phases, report["photographs"], report["rounds"], company)
