"""The sweep over λ: a network for each weight and seed, judged where λ may be chosen, and kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from clickme.kit.problems import Problem
from clickme_gala.data import Photographs, open_data
from clickme_gala.evaluate.judge import Judged, evaluate
from clickme_gala.recipe import Recipe
from clickme_gala.runs import Epoch, State, network_of, recipe_of
from clickme_gala.sweep import Point, read_points, sweep
from gala.made import data_set

SMALL = Recipe(model="gala-resnet-18", epochs=1, batch=8, width=8, size=64, learning_rate=0.05, seed=3)


class Watching:
    """Notes whose epochs are over, and fails at one of them."""

    def __init__(self, fails_at: str = "") -> None:
        self.fails_at = fails_at
        self.names: list[str] = []
        self.over: list[str] = []

    @contextmanager
    def __call__(self, name: str) -> Iterator["Watching"]:
        self.names.append(name)
        yield self

    def opened(self, train: Photographs, validation: Photographs | None) -> None:
        pass

    def stepped(self, recipe: Recipe, state: State, steps: int, loss: float, per_s: float) -> None:
        if self.names[-1] == self.fails_at:
            raise KeyboardInterrupt

    def finished(self, epoch: Epoch, left_out: list[str]) -> None:
        self.over.append(self.names[-1])


def unheard(what: str, done: float) -> None:
    pass


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("data") / "set"
    return data_set(folder, photographs={"train": 16, "validation": 6, "test": 4}, classes=2)


NAMES = ["λ = 6, seed 3", "λ = 6, seed 4", "λ = 0.5, seed 3", "λ = 0.5, seed 4"]


@pytest.fixture(scope="module")
def swept(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Point]]:
    """Stopped in its third network, and gone on with. A weight that is named twice is one weight."""
    out = tmp_path_factory.mktemp("sweep")
    weights, first, second = [6.0, 0.5, 6.0], Watching("λ = 0.5, seed 3"), Watching()
    with pytest.raises(KeyboardInterrupt):
        sweep(SMALL, weights, 2, data, out, first, unheard)
    assert first.over == NAMES[:2]
    done = read_points(out)
    assert [(point.map_weight, point.seed) for point in done] == [(6, 3), (6, 4)]
    points = sweep(SMALL, weights, 2, data, out, second, unheard)
    assert second.names == NAMES
    assert second.over == NAMES[2:]
    assert points[:2] == done
    return out, points


def test_there_is_a_network_for_each_weight_and_seed(swept: tuple[Path, list[Point]]) -> None:
    out, points = swept
    assert [(point.map_weight, point.seed) for point in points] == [(6, 3), (6, 4), (0.5, 3), (0.5, 4)]
    for point in points:
        recipe = recipe_of(out / f"lambda-{point.map_weight:g}-seed-{point.seed}")
        assert recipe == replace(SMALL, map_weight=point.map_weight, seed=point.seed)


def test_points_are_what_evaluation_says_of_the_validation_photographs(
    swept: tuple[Path, list[Point]], data: Path
) -> None:
    out, points = swept
    (report,) = evaluate(
        [Judged("it", network_of(out / "lambda-0.5-seed-4"), 64)],
        open_data(data, "validation"),
        batch=8,  # the sums of another batch have other last bits
        device=torch.device("cpu"),
        progress=unheard,
    )
    assert points[3] == Point(0.5, 4, report.top1_error, report.top5_error, report.fraction, report.rho)
    assert report.photographs == 6


def test_the_table_holds_every_bit(swept: tuple[Path, list[Point]]) -> None:
    out, points = swept
    assert read_points(out) == points


@pytest.mark.parametrize(
    "text",
    [
        "",
        "map_weight,seed\n6,0\n",
        "map_weight,seed,top1_error,top5_error,fraction,rho\n6,0\n",
        "map_weight,seed,top1_error,top5_error,fraction,rho\nsix,0,1,1,1,1\n",
    ],
)
def test_a_table_that_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "sweep.csv").write_text(text)
    with pytest.raises(Problem) as caught:
        read_points(tmp_path)
    assert caught.value.code == "no_sweep"


def test_what_was_not_measured_stays_so(tmp_path: Path) -> None:
    (tmp_path / "sweep.csv").write_text(
        "map_weight,seed,top1_error,top5_error,fraction,rho\n0.0,1,50.0,25.0,,\n"
    )
    assert read_points(tmp_path) == [Point(0.0, 1, 50.0, 25.0, None, None)]


def test_without_validation_photographs_nothing_is_trained(tmp_path: Path) -> None:
    data = data_set(tmp_path / "set", photographs={"train": 8}, classes=2)
    watching = Watching()
    with pytest.raises(Problem) as caught:
        sweep(SMALL, [6.0], 1, data, tmp_path / "out", watching, unheard)
    assert caught.value.code == "no_split"
    assert not watching.names
