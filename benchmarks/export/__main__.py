"""What does an export cost, beside the plain way of doing it?

    python -m benchmarks.export [--fraction 1/20] [--repeats 3] [--home DIR [--keep]] [--markdown]

Fills a home with a share of what the paper's game collected (`play.py`), then in turns, so that all meet
the same machine: our export of everything on one core, with Postgres on that core too; on all cores; the
plain way (`plain.py`) on one core, in its two variants, on some photographs drawn anew each time. Ours pays
for starting, reading the database, hashes, statistics and the files beside; the plain way for its loop
alone. Files were written or read just before and lie in memory, for all alike.

Prints medians, and the extremes of the time. To the paper's size, times are scaled: ours phase by phase
(`ours.py`), those of the plain way by photographs. At --fraction 1 ours are measured.
"""

import argparse
import atexit
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import psycopg2
from rich.console import Console
from rich.table import Table

from clickme.export.formats.example import decode_example, read_records
from clickme.export.formats.grey import decode_grey
from clickme.export.formats.tfrecord import TFRecord
from clickme.kit import engines
from clickme.kit.home import Home, open_home

from . import ours, plain
from .database import Made, Report, fill
from .measure import Cost, Machine
from .play import MAPS, PHOTOGRAPHS, Size

COMPARED = 20  # photographs whose maps have to be the same both ways

EXPORTED = """
SELECT id FROM images WHERE maps > 0 AND NOT EXISTS (
    SELECT FROM rounds JOIN flags ON flags.round_id = rounds.id WHERE rounds.image_id = images.id
) ORDER BY id
"""

Rows = list[list[str]]


@dataclass
class Run:
    """What one run of one way came to."""

    cost: Cost
    photographs: int
    maps: int
    full: float  # s, at the paper's size

    def per_photograph(self) -> float:
        """Seconds by the clock on the wall."""
        return self.cost.seconds / self.photographs

    def processor_per_photograph(self) -> float:
        """Seconds of processors, Postgres's included: less at the mercy of whoever else uses the machine."""
        return (self.cost.cpu + self.cost.postgres) / self.photographs


@dataclass
class Way:
    """A way of doing it, and its runs."""

    name: str
    cores: int
    runs: list[Run] = field(default_factory=list)
    phases: list[dict[str, float]] = field(default_factory=list)

    def median(self, figure: Callable[[Run], float]) -> float:
        return statistics.median(map(figure, self.runs))

    def speed(self) -> float:
        """Photographs a second on each core."""
        return 1 / self.median(Run.per_photograph) / self.cores

    def full_speed(self) -> float:
        """The same at the paper's size, where what does not grow with it weighs less."""
        return PHOTOGRAPHS / self.median(lambda run: run.full) / self.cores

    def thrift(self) -> float:
        """Photographs a second of processor time."""
        return 1 / self.median(Run.processor_per_photograph)


@dataclass
class Ways:
    """What is set side by side."""

    one_core: Way
    all_cores: Way
    two_passes: Way
    convolve: Way

    def __iter__(self) -> Iterator[Way]:
        return iter(vars(self).values())


def main() -> None:
    chosen = arguments()
    console = Console(stderr=True)
    began = time.monotonic()

    def report(what: str) -> None:
        console.print(f"{time.monotonic() - began:7.1f} s  {what}", highlight=False)

    home = home_for(chosen.home, keep=chosen.keep)
    with engines.postgres(home) as url:
        made = Made.of(home) or fill(url, home, chosen.fraction, chosen.seed, report)
        if (made.fraction, made.seed) != (str(chosen.fraction), chosen.seed):
            raise SystemExit(f"{home.root} was filled with --fraction {made.fraction} --seed {made.seed}.")
        connection = psycopg2.connect(url)
        try:
            connection.autocommit = True
            machine = Machine(connection.info.backend_pid)
            ways = run(machine, home, connection.cursor(), chosen, report)
        finally:
            connection.close()
    title = f"{made.photographs:,} photographs with {made.maps:,} maps ({made.fraction} of the paper's)"
    for caption, rows in ((title, side_by_side(ways)), ("seconds of each phase", phases(ways))):
        show(caption, rows)
        if chosen.markdown:
            print(markdown(rows), end="\n\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.export", description=__doc__.splitlines()[0])
    parser.add_argument("--fraction", type=Fraction, default=Fraction(1, 20), help="of the paper's size")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each way, in turns")
    parser.add_argument("--two-passes", type=int, default=300, help="photographs of each run of that")
    parser.add_argument("--convolve", type=int, default=100, help="photographs of each run of that")
    parser.add_argument("--home", type=Path, help="where to fill a home, or one that was filled and kept")
    parser.add_argument("--keep", action="store_true", help="leave a new home there")
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown too")
    chosen = parser.parse_args()
    if chosen.keep and chosen.home is None:
        parser.error("--keep needs --home DIR")
    try:
        Size.of(chosen.fraction)
    except ValueError as error:
        parser.error(str(error))
    return chosen


def home_for(folder: Path | None, *, keep: bool) -> Home:
    """A home to fill, or one that was filled and kept. A new one is removed in the end unless it is kept."""
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="clickme-bench-"))
    elif folder.exists() and any(folder.iterdir()):
        if Made.of(Home(folder)) is None:
            raise SystemExit(f"{folder} holds something else, or half a home. Name another folder.")
        keep = True
    if not keep:
        # The last thing to be done: the Postgres wheel still writes a lock there at the interpreter's end.
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return open_home(folder)


def run(machine: Machine, home: Home, cursor: Any, chosen: argparse.Namespace, report: Report) -> Ways:
    """Every way in turn, `repeats` times. `cursor` is for the plain way."""
    every, one = machine.cores, machine.cores[-1:]
    ways = Ways(
        Way("clickme, 1 core", 1),
        Way(f"clickme, {len(every)} cores", len(every)),
        Way("plain, 2 passes", 1),
        Way("plain, 49x49", 1),
    )
    cursor.execute(EXPORTED)
    exported = np.array([image_id for (image_id,) in cursor.fetchall()])
    for turn in range(chosen.repeats):
        for way, cores in ((ways.one_core, one), (ways.all_cores, every)):
            report(f"{way.name}, run {turn + 1} of {chosen.repeats}")
            with tempfile.TemporaryDirectory(prefix="export-", dir=home.root) as folder:
                out = Path(folder) / "out"
                with machine.pinned(cores):
                    done = ours.export(machine, home.root, out)
                if not way.runs:
                    compare(cursor, home.photographs, min(out.glob("*.tfrecord*")))
            way.runs.append(Run(done.cost, done.photographs, done.maps, done.at_full_size()))
            way.phases.append(done.phases)
        chance = np.random.default_rng([chosen.seed, 2, turn])
        for way, blur, number in (
            (ways.two_passes, plain.in_two_passes, chosen.two_passes),
            (ways.convolve, plain.as_the_paper_says, chosen.convolve),
        ):
            report(f"{way.name}, run {turn + 1} of {chosen.repeats}")
            drawn = chance.choice(exported, min(number, len(exported)), replace=False).tolist()
            with (
                tempfile.TemporaryFile(dir=home.root) as file,
                machine.pinned(one),
                machine.measured(resource.RUSAGE_THREAD) as cost,
            ):
                maps = plain.export(cursor, home.photographs, drawn, blur, file)
            full = cost.seconds * PHOTOGRAPHS / len(drawn)
            way.runs.append(Run(cost, len(drawn), maps, full))
    return ways


def compare(cursor: Any, photographs: Path, shard: Path) -> None:
    """`SystemExit` unless both ways come to the same maps, to a grey level, on the first ones of a shard."""
    with shard.open("rb") as file:
        records = list(islice(TFRecord().read(file, ""), COMPARED))
    paths = [record.image_id for record in records]
    cursor.execute("SELECT source_path, id FROM images WHERE source_path = ANY(%s)", (paths,))
    ids = dict(cursor.fetchall())
    plainly = BytesIO()
    plain.export(cursor, photographs, [ids[path] for path in paths], plain.as_the_paper_says, plainly)
    plainly.seek(0)
    for record, data in zip(records, read_records(plainly), strict=True):
        assert record.heatmap is not None
        peak = float(record.heatmap.max())
        theirs = decode_grey(decode_example(data)["heatmap"][0], peak)
        if np.abs(record.heatmap - theirs).max() > 1.01 * peak / 255:
            raise SystemExit(f"The two ways come to different maps of {record.image_id}.")


def side_by_side(ways: Ways) -> Rows:
    def row(name: str, figure: Callable[[Way], str]) -> list[str]:
        return [name, *map(figure, ways)]

    def ms(way: Way) -> str:
        return f"{1000 * way.median(Run.per_photograph):.2f}"

    def extremes(way: Way) -> str:
        each = [1000 * run.per_photograph() for run in way.runs]
        return f"{min(each):.2f}–{max(each):.2f}"

    def processor_ms(way: Way) -> str:
        return f"{1000 * way.median(Run.processor_per_photograph):.2f}"

    def memory(way: Way) -> str:
        peak = max(run.cost.memory for run in way.runs)
        return f"{peak / 1e6:,.0f}" if peak else ""

    def times(other: Way, speed: Callable[[Way], float]) -> Callable[[Way], str]:
        return lambda way: f"{speed(way) / speed(other):.1f}" if way.phases else ""

    return [
        ["", *(way.name for way in ways)],
        row("photographs a run", lambda way: f"{way.runs[0].photographs:,}"),
        row("maps a run", lambda way: f"{way.median(lambda run: run.maps):,.0f}"),
        row("ms a photograph", ms),
        row(f"least and most of {len(ways.one_core.runs)}", extremes),
        row("maps a second", lambda way: f"{way.median(lambda run: run.maps / run.cost.seconds):,.1f}"),
        row("a core, times 2 passes", times(ways.two_passes, Way.speed)),
        row("a core, times 49x49", times(ways.convolve, Way.speed)),
        row("processor ms a photograph", processor_ms),
        row("so, times 2 passes", times(ways.two_passes, Way.thrift)),
        row("so, times 49x49", times(ways.convolve, Way.thrift)),
        row(f"{MAPS:,} maps take", lambda way: duration(way.median(lambda run: run.full))),
        row("so a core, times 2 passes", times(ways.two_passes, Way.full_speed)),
        row("so a core, times 49x49", times(ways.convolve, Way.full_speed)),
        row("peak memory, MB", memory),
    ]


def phases(ways: Ways) -> Rows:
    """Where ours spends its time, medians."""
    measured = (ways.one_core, ways.all_cores)
    return [
        ["", *(way.name for way in measured)],
        *(
            [phase, *(f"{statistics.median(run[phase] for run in way.phases):.1f}" for way in measured)]
            for phase in ours.PHASES
        ),
    ]


def duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{seconds / 60:.1f} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02} min"


def show(title: str, rows: Rows) -> None:
    table = Table(title=title)
    for place, heading in enumerate(rows[0]):
        table.add_column(heading, justify="right" if place else "left", no_wrap=True)
    for row in rows[1:]:
        table.add_row(*row)
    console = Console()
    console.width = max(console.width, 100)
    console.print(table)


def markdown(rows: Rows) -> str:
    rule = ["---", *["---:"] * (len(rows[0]) - 1)]
    return "\n".join(f"| {' | '.join(cell.strip() for cell in row)} |" for row in [rows[0], rule, *rows[1:]])


if __name__ == "__main__":
    main()
