"""Do maps help? The paper's Table 3 on another data set: six ways to train, each with several seeds.

Every network is judged on the test photographs, as `clickme gala evaluate` does it; seeds give intervals.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, stdev
from typing import Final

from clickme.kit.files import whole
from clickme_gala.data import open_data
from clickme_gala.evaluate.coco import Objects
from clickme_gala.evaluate.judge import Judged, Progress, evaluate
from clickme_gala.evaluate.report import Report
from clickme_gala.parallel import device
from clickme_gala.recipe import Recipe
from clickme_gala.runs import network_of
from clickme_gala.train import Watch, train

MAP_WEIGHT: Final = 6.0  # λ, the paper's


@dataclass(frozen=True)
class Arm:
    """A way to train, and what the paper has of it (Table 3): top-1, top-5 error and fraction, in %."""

    name: str
    family: str  # of the network: "", "se-" or "gala-"
    map_weight: float
    annotation: str
    paper: tuple[float, float, float]


ARMS: Final = (
    Arm("SE-ResNet", "se-", 0, "maps", (66.17, 42.48, 64.36)),
    Arm("ResNet", "", 0, "maps", (63.68, 40.65, 43.61)),
    Arm("ResNet with maps", "", MAP_WEIGHT, "maps", (61.32, 41.42, 31.18)),
    Arm("GALA-ResNet with boxes", "gala-", MAP_WEIGHT, "boxes", (58.14, 35.17, 76.42)),
    Arm("GALA-ResNet", "gala-", 0, "maps", (53.90, 31.04, 64.21)),
    Arm("GALA-ResNet with maps", "gala-", MAP_WEIGHT, "maps", (49.29, 27.73, 88.56)),
)

# Student's t, 97.5 %, by degrees of freedom (any table of it).
STUDENT: Final = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}


@dataclass(frozen=True)
class Judgement:
    """What became of one network."""

    arm: str
    seed: int
    report: Report


@dataclass(frozen=True)
class Mean:
    """Over seeds, with the half width of its 95 % interval by Student's t; None for one seed."""

    value: float
    half: float | None


def run(
    data: Path,
    out: Path,
    recipe: Recipe,
    seeds: int,
    watch: Callable[[str], AbstractContextManager[Watch]],
    progress: Progress,
    *,
    coco: Path | None = None,
    workers: int = 0,
) -> list[Judgement]:
    """Train every arm with every seed on `data`, judge all on its test split, and write `out`/study.json.

    `recipe` says everything but the network's family, λ, the annotation and the seed; its model is one of
    the plain ResNets. Runs are kept in `out`/runs, and go on where they were stopped. `watch` is asked for
    somebody to watch each run.
    """
    test = open_data(data, "test")
    if coco is not None:
        Objects(coco)  # what is no COCO folder is said now, and not after all the training
    runs = [(arm, seed) for seed in range(seeds) for arm in ARMS]
    for arm, seed in runs:
        with watch(f"{arm.name}, seed {seed}") as watching:
            place = folder(out, arm, seed)
            train(recipe_for(recipe, arm, seed), data, place, watching, workers=workers)
    # The arm that maps help most is the one that others are held against.
    runs.sort(key=lambda run: (run[0] is not ARMS[-1], run[1]))
    judged = [
        Judged(f"{arm.name}, seed {seed}", network_of(folder(out, arm, seed)), recipe.size)
        for arm, seed in runs
    ]
    reports = evaluate(
        judged,
        test,
        coco=coco,
        batch=recipe.batch,
        workers=workers,
        device=device(),
        progress=progress,
    )
    judgements = [
        Judgement(arm.name, seed, report) for (arm, seed), report in zip(runs, reports, strict=True)
    ]
    with whole(out / "study.json") as partial:
        found = {"recipe": recipe.as_dict(), "judgements": [asdict(one) for one in judgements]}
        partial.write_text(json.dumps(found, indent=2) + "\n")
    return judgements


def recipe_for(recipe: Recipe, arm: Arm, seed: int) -> Recipe:
    return replace(
        recipe,
        model=arm.family + recipe.model,
        map_weight=arm.map_weight,
        annotation=arm.annotation,  # type: ignore[arg-type]
        seed=seed,
    )


def folder(out: Path, arm: Arm, seed: int) -> Path:
    return out / "runs" / f"{arm.name.lower().replace(' ', '-')}-{seed}"


def mean(values: Sequence[float]) -> Mean:
    if len(values) == 1:
        return Mean(values[0], None)
    half = STUDENT[len(values) - 1] * stdev(values) / math.sqrt(len(values))
    return Mean(fmean(values), half)


COLUMNS: Final[tuple[tuple[str, str, int], ...]] = (
    ("top-1 error, %", "top1_error", 2),
    ("top-5 error, %", "top5_error", 2),
    ("fraction of variability, %", "fraction", 1),
    ("alignment of saliency", "alignment", 3),
    ("IoU with objects", "object_iou", 3),
    ("at equal areas", "object_iou_equal_areas", 3),
)


def table(judgements: Sequence[Judgement]) -> Iterator[str]:
    """Lines of Markdown: a row an arm, in the order of the paper's Table 3, its figures last."""
    yield "| | " + " | ".join(heading for heading, *_ in COLUMNS) + " | the paper: top-1, top-5, fraction |"
    yield "|---" * (len(COLUMNS) + 2) + "|"
    for arm in ARMS:
        cells = [in_words(of_arm(judgements, arm, name), places) for _, name, places in COLUMNS]
        yield f"| {arm.name} | " + " | ".join(cells) + " | " + ", ".join(map(str, arm.paper)) + " |"


def differences(judgements: Sequence[Judgement]) -> Iterator[str]:
    """Lines of Markdown: what maps change, seed by seed, in each column: with maps less without."""
    with_maps = ARMS[-1]
    for other in ARMS[:-1]:
        cells = []
        for heading, name, places in COLUMNS:
            pairs = list(
                zip(of_arm(judgements, with_maps, name), of_arm(judgements, other, name), strict=True)
            )
            known = [here - there for here, there in pairs if here is not None and there is not None]
            cells.append(f"{heading} {in_words(known, places)}")
        yield f"- {with_maps.name} less {other.name}: " + "; ".join(cells)


def of_arm(judgements: Sequence[Judgement], arm: Arm, name: str) -> list[float | None]:
    """A figure of each seed of an arm, in the order of seeds."""
    found = sorted((one for one in judgements if one.arm == arm.name), key=lambda one: one.seed)
    return [getattr(one.report, name) for one in found]


def in_words(values: Sequence[float | None], places: int) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "not measured"
    found = mean(known)
    return f"{found.value:.{places}f}" + ("" if found.half is None else f" ± {found.half:.{places}f}")
