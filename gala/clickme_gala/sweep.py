"""How much maps should weigh: one network for each λ and seed (paper, Fig. 7)."""

import csv
import io
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from clickme.kit.files import whole
from clickme.kit.problems import Problem
from clickme_gala.data import open_data
from clickme_gala.evaluate.judge import Judged, Progress, evaluate
from clickme_gala.parallel import device
from clickme_gala.recipe import Recipe
from clickme_gala.runs import network_of
from clickme_gala.train import Watch, train

TABLE = "sweep.csv"


@dataclass(frozen=True)
class Point:
    """One network on the validation photographs: errors and fraction in %."""

    map_weight: float
    seed: int
    top1_error: float
    top5_error: float
    fraction: float | None  # of human variability; None where the data set cannot tell
    rho: float | None


def sweep(
    recipe: Recipe,
    map_weights: Sequence[float],
    seeds: int,
    data: Path,
    out: Path,
    watch: Callable[[str], AbstractContextManager[Watch]],
    progress: Progress,
    *,
    maps: Path | None = None,
    workers: int = 0,
) -> list[Point]:
    """Train a network for each of `map_weights` and each seed, judge them, and write `out`/sweep.csv,
    a line whenever one is done.

    They are judged on the validation photographs: λ is chosen by them, and the test says what it is worth.
    Runs are kept in `out`, and go on where they were stopped.
    """
    judged = open_data(data, "validation", maps=maps)
    points = []
    for map_weight in dict.fromkeys(map_weights):
        for seed in range(recipe.seed, recipe.seed + seeds):
            name = f"λ = {map_weight:g}, seed {seed}"
            run = out / f"lambda-{map_weight:g}-seed-{seed}"
            with watch(name) as watching:
                chosen = replace(recipe, map_weight=map_weight, seed=seed)
                train(chosen, data, run, watching, maps=maps, workers=workers)
            (report,) = evaluate(
                [Judged(name, network_of(run), recipe.size)],
                judged,
                batch=recipe.batch,
                workers=workers,
                device=device(),
                progress=progress,
            )
            errors = (report.top1_error, report.top5_error)
            points.append(Point(map_weight, seed, *errors, report.fraction, report.rho))
            write_points(out, points)
    return points


def write_points(out: Path, points: Sequence[Point]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(Point.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    writer.writerows(vars(point) for point in points)
    with whole(out / TABLE) as partial:
        partial.write_text(text.getvalue())


def read_points(out: Path) -> list[Point]:
    """What `sweep` wrote. Problem `no_sweep`."""
    try:
        with (out / TABLE).open() as lines:
            points = [
                Point(
                    map_weight=float(row["map_weight"]),
                    seed=int(row["seed"]),
                    top1_error=float(row["top1_error"]),
                    top5_error=float(row["top5_error"]),
                    fraction=float(row["fraction"]) if row["fraction"] else None,
                    rho=float(row["rho"]) if row["rho"] else None,
                )
                for row in csv.DictReader(lines)
            ]
    except (OSError, KeyError, ValueError, TypeError):
        points = []
    if not points:
        raise Problem("no_sweep", f"{out} holds no finished sweep: `clickme gala sweep` makes one.")
    return points
