"""Do maps help? Six ways to train, on a tiny data set: what is written down of them, and what it says."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given
from hypothesis import strategies as st

from clickme.kit.problems import Problem
from clickme.studies.table3 import (
    ARMS,
    COLUMNS,
    STUDENT,
    Judgement,
    differences,
    folder,
    in_words,
    mean,
    run,
    table,
)
from clickme_gala.data import Photographs
from clickme_gala.recipe import Recipe
from clickme_gala.runs import Epoch, State, recipe_of
from gala.made import data_set

SMALL = Recipe(model="resnet-18", epochs=1, batch=8, width=16, size=64, learning_rate=0.05)


def test_the_arms_are_the_rows_of_the_papers_table_3() -> None:
    """Linsley et al. (2019), Table 3: ClickMe's test set."""
    rows = """
        SE-ResNet                0  maps   66.17  42.48  64.36
        ResNet                   0  maps   63.68  40.65  43.61
        ResNet with maps         6  maps   61.32  41.42  31.18
        GALA-ResNet with boxes   6  boxes  58.14  35.17  76.42
        GALA-ResNet              0  maps   53.90  31.04  64.21
        GALA-ResNet with maps    6  maps   49.29  27.73  88.56
    """
    wanted = [re.split(r"\s{2,}", line.strip()) for line in rows.strip().splitlines()]
    found = [
        [arm.name, f"{arm.map_weight:g}", arm.annotation, *(f"{figure:.2f}" for figure in arm.paper)]
        for arm in ARMS
    ]
    assert found == wanted
    for arm in ARMS:
        assert arm.family == {"SE": "se-", "GA": "gala-", "Re": ""}[arm.name[:2]]


def test_quantiles_are_students() -> None:
    assert set(STUDENT) == set(range(1, 10))
    for freedom, quantile in STUDENT.items():
        assert quantile == pytest.approx(scipy.stats.t.ppf(0.975, freedom), abs=5e-4)


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=10))
def test_the_mean_and_its_interval_are_scipys(values: list[float]) -> None:
    found = mean(values)
    spread = scipy.stats.sem(values)
    assert found.value == pytest.approx(np.mean(values), abs=1e-9)
    half = spread * scipy.stats.t.ppf(0.975, len(values) - 1)
    assert found.half == pytest.approx(half, rel=1e-3, abs=1e-9)


def test_one_seed_has_no_interval() -> None:
    assert mean([61.25]).half is None
    assert in_words([61.25], 1) == "61.2"
    assert in_words([61.0, 63.0], 2) == "62.00 ± 12.71"
    assert in_words([None, 61.0], 2) == "61.00"
    assert in_words([None, None], 2) == "not measured"


# ---- a study


class Watching:
    """Notes whose epochs are over; the power fails in one of them."""

    def __init__(self, fails_at: str = "") -> None:
        self.fails_at = fails_at
        self.name = ""
        self.over: list[str] = []

    @contextmanager
    def __call__(self, name: str) -> Iterator["Watching"]:
        self.name = name
        yield self

    def opened(self, train: Photographs, validation: Photographs | None) -> None:
        pass

    def stepped(self, recipe: Recipe, state: State, steps: int, loss: float, per_s: float) -> None:
        if self.name == self.fails_at:
            raise KeyboardInterrupt

    def finished(self, epoch: Epoch, left_out: list[str]) -> None:
        self.over.append(self.name)


def unheard(what: str, done: float) -> None:
    pass


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return data_set(
        tmp_path_factory.mktemp("data") / "set",
        photographs={"train": 16, "validation": 4, "test": 6},
        classes=2,
    )


ALL = [f"{arm.name}, seed {seed}" for seed in (0, 1) for arm in ARMS]


@pytest.fixture(scope="module")
def study(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Judgement]]:
    """Two seeds of each arm; interrupted in the ninth network, and gone on with."""
    out = tmp_path_factory.mktemp("study")
    first, second, third = Watching(ALL[8]), Watching(), Watching()
    with pytest.raises(KeyboardInterrupt):
        run(data, out, SMALL, 2, first, unheard)
    assert first.over == ALL[:8]
    assert not (out / "study.json").exists()
    judgements = run(data, out, SMALL, 2, second, unheard)
    assert second.over == ALL[8:]
    written = (out / "study.json").read_bytes()
    assert run(data, out, SMALL, 2, third, unheard) == judgements
    assert not third.over
    assert (out / "study.json").read_bytes() == written
    return out, judgements


def test_each_arm_is_trained_as_it_says_with_each_seed(study: tuple[Path, list[Judgement]]) -> None:
    out, judgements = study
    assert sorted(f"{one.arm}, seed {one.seed}" for one in judgements) == sorted(ALL)
    assert [(one.arm, one.seed) for one in judgements[:2]] == [
        ("GALA-ResNet with maps", 0),
        ("GALA-ResNet with maps", 1),
    ]
    for arm in ARMS:
        for seed in (0, 1):
            wanted = replace(
                SMALL,
                model=f"{arm.family}resnet-18",
                map_weight=arm.map_weight,
                annotation=arm.annotation,  # type: ignore[arg-type]
                seed=seed,
            )
            assert recipe_of(folder(out, arm, seed)) == wanted
    assert len(list((out / "runs").iterdir())) == 12


def test_networks_are_judged_on_the_test_photographs(study: tuple[Path, list[Judgement]]) -> None:
    for one in study[1]:
        assert one.report.name == f"{one.arm}, seed {one.seed}"
        assert (one.report.photographs, one.report.maps, one.report.size) == (6, 6, 64)
        assert one.report.fraction is not None
        assert one.report.object_iou is None


def test_study_json_holds_all_that_was_judged(study: tuple[Path, list[Judgement]]) -> None:
    out, judgements = study
    found = json.loads((out / "study.json").read_text())
    assert Recipe.from_dict(found["recipe"]) == SMALL
    assert found["judgements"] == json.loads(json.dumps([asdict(one) for one in judgements]))


def figures(judgements: list[Judgement], arm: str, name: str) -> list[float]:
    return [
        getattr(one.report, name)
        for seed in (0, 1)
        for one in judgements
        if (one.arm, one.seed) == (arm, seed)
    ]


def test_the_table_has_the_mean_of_each_figure_beside_the_papers(study: tuple[Path, list[Judgement]]) -> None:
    judgements = study[1]
    heading, line, *rows = [row.strip("|").split("|") for row in table(judgements)]
    assert len(heading) == len(line) == len(COLUMNS) + 2
    assert [row[0].strip() for row in rows] == [arm.name for arm in ARMS]
    for row, arm in zip(rows, ARMS, strict=True):
        assert row[-1].strip() == ", ".join(map(str, arm.paper))
        errors = figures(judgements, arm.name, "top1_error")
        half = 12.706 * abs(errors[0] - errors[1]) / 2
        assert row[1].strip() == f"{sum(errors) / 2:.2f} ± {half:.2f}"
        assert row[5].strip() == "not measured"


def test_differences_are_taken_seed_by_seed(study: tuple[Path, list[Judgement]]) -> None:
    judgements = study[1]
    lines = list(differences(judgements))
    assert [line.partition(":")[0] for line in lines] == [
        f"- GALA-ResNet with maps less {arm.name}" for arm in ARMS[:-1]
    ]
    with_maps = figures(judgements, "GALA-ResNet with maps", "fraction")
    for line, arm in zip(lines, ARMS[:-1], strict=True):
        pairs = [
            here - there
            for here, there in zip(with_maps, figures(judgements, arm.name, "fraction"), strict=True)
        ]
        half = 12.706 * abs(pairs[0] - pairs[1]) / 2
        assert f"fraction of variability, % {sum(pairs) / 2:.1f} ± {half:.1f};" in line
        assert line.endswith("at equal areas not measured")


def test_without_test_photographs_nothing_is_trained(tmp_path: Path) -> None:
    data = data_set(tmp_path / "set", photographs={"train": 8, "validation": 2}, classes=2)
    with pytest.raises(Problem) as caught:
        run(data, tmp_path / "out", SMALL, 1, Watching(), unheard)
    assert caught.value.code == "no_split"
    assert not (tmp_path / "out").exists()
