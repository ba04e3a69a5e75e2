"""Figures of runs: which photographs are drawn, and whose columns stand beside them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from clickme.export.formats import Damaged
from clickme.kit.problems import Problem
from clickme.maps import Reliability
from clickme_gala.data.sample import Sample
from clickme_gala.figures.drawn import attention_of, drawn, names, shown, smoothgrad_of, sweep_of
from clickme_gala.networks import build
from clickme_gala.recipe import Recipe
from clickme_gala.runs import Run, names_of
from clickme_gala.sweep import Point


class Listed:
    """Photographs in memory; None where one cannot be read."""

    left_out = ()
    unreadable = 0
    reliability: Reliability | None = None

    def __init__(self, samples: Sequence[Sample | None]) -> None:
        self.samples = samples
        self.asked: list[int] = []

    @property
    def with_maps(self) -> int:
        return sum(one is not None and one.map is not None for one in self.samples)

    @property
    def classes(self) -> int:
        return len({one.label for one in self.samples if one})

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, number: int) -> Sample:
        self.asked.append(number)
        sample = self.samples[number]
        if sample is None:
            raise Damaged(f"photograph {number} cannot be decoded")
        return sample


def sample(number: int, label: int, with_map: bool = True) -> Sample:
    rng = np.random.default_rng(number)
    image = rng.integers(0, 256, (256, 256, 3), np.uint8)
    map_ = rng.random((256, 256), np.float32) if with_map else None
    return Sample(f"record {number}", f"n01440764/n01440764_{number}.JPEG", image, map_, label, 1)


SAMPLES = [sample(number, number * number % 5) for number in range(24)]


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=24),
    count=st.integers(1, 30),
    seed=st.integers(0, 2**32 - 1),
)
def test_as_many_photographs_and_classes_as_there_are(labels: list[int], count: int, seed: int) -> None:
    made = [SAMPLES[number]._replace(label=label) for number, label in enumerate(labels)]
    found = drawn(Listed(made), count, seed)
    assert len({one.name for one in found}) == len(found) == min(count, len(made))
    assert len({one.label for one in found}) == min(count, len(set(labels)))


def test_a_seed_says_which() -> None:
    first, again, other = ([one.name for one in drawn(Listed(SAMPLES), 6, seed)] for seed in (0, 0, 1))
    assert first == again != other


def test_no_more_are_read_than_it_takes() -> None:
    listed = Listed([one._replace(label=number % 2) for number, one in enumerate(SAMPLES)])
    drawn(listed, 6, 0)
    assert len(listed.asked) == 6


def test_what_has_no_map_or_cannot_be_read_is_passed_over() -> None:
    mixed: list[Sample | None] = [*SAMPLES[:3], sample(90, 7, with_map=False), None]
    assert {one.name for one in drawn(Listed(mixed), 10, 0)} == {"record 0", "record 1", "record 2"}
    assert len(drawn(Listed(mixed), 10, 0, with_map=False)) == 4


@pytest.mark.parametrize(
    ("there", "with_map", "code"),
    [
        ([sample(0, 0, with_map=False)], True, "no_maps"),
        ([None], True, "no_maps"),
        ([None], False, "nothing_readable"),
    ],
)
def test_nothing_to_draw(there: list[Sample | None], with_map: bool, code: str) -> None:
    with pytest.raises(Problem) as caught:
        drawn(Listed(there), 6, 0, with_map=with_map)
    assert caught.value.code == code


def test_photographs_are_shown_as_networks_are_judged_on_them() -> None:
    """The centre 224 of 256 px; where a network sees fewer, the centre of a smaller photograph."""
    seen = shown(SAMPLES[:2], 224)
    for number, one in enumerate(SAMPLES[:2]):
        np.testing.assert_array_equal(seen.photographs[number], one.image[16:240, 16:240])
        assert one.map is not None
        np.testing.assert_array_equal(seen.maps[number].numpy(), one.map[16:240, 16:240])
    assert seen.labels.tolist() == [0, 1]
    assert shown(SAMPLES[:2], 64).photographs.shape == (2, 64, 64, 3)


# ---- runs


def made_run(folder: Path, model: str = "gala-resnet-18", size: int = 64) -> Path:
    """A run's folder, of a network that never saw a photograph."""
    torch.manual_seed(0)
    run = Run(folder)
    run.begin(Recipe(model=model, width=8, size=size), {"path": "data"}, torch.device("cpu"))
    run.save_best(build(model, width=8).state_dict())
    return folder


def headings(figure: Figure) -> list[str]:
    return ["".join(text.get_text().split()) for text in figure.texts]


def test_runs_are_called_by_as_much_of_their_paths_as_it_takes(tmp_path: Path) -> None:
    a, b, c = tmp_path / "a" / "maps" / "run", tmp_path / "b" / "maps" / "run", tmp_path / "b" / "other"
    assert names_of([a]) == ["run"]
    assert names_of([a, c]) == ["run", "other"]
    assert names_of([a, b]) == ["a/maps/run", "b/maps/run"]
    assert names_of([a, b, c]) == ["a/maps/run", "b/maps/run", f"{tmp_path.name}/b/other"]
    assert names_of([a, a]) == ["run", "run"]


def test_the_folder_one_is_in_has_a_name_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert names_of([Path()]) == [tmp_path.name]


def test_runs_of_one_name_have_a_column_each(tmp_path: Path) -> None:
    runs = [
        made_run(tmp_path / "gala" / "run"),
        made_run(tmp_path / "plain" / "run", "resnet-18", size=96),
    ]
    figure = attention_of(runs, SAMPLES[:2])
    assert headings(figure)[:4] == ["photograph", "themapofpeople", "gala/run", "plain/run"]
    assert len(figure.axes) == 8
    # The photographs are those of the network that sees most of them.
    assert figure.axes[0].images[0].get_array().shape == (96, 96, 3)  # type: ignore[union-attr]

    figure = smoothgrad_of(runs[0], made_run(tmp_path / "other" / "run"), SAMPLES[:1])
    assert headings(figure)[:4] == ["photograph", "gala/run", "other/run", "difference"]


def test_pixels_of_networks_that_see_photographs_at_two_sizes_are_not_compared(tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        smoothgrad_of(made_run(tmp_path / "a"), made_run(tmp_path / "b", size=96), SAMPLES[:1])
    assert caught.value.code == "unlike_runs"


def test_names_break_where_they_have_an_underscore() -> None:
    assert names(SAMPLES[:1]) == ["n01440764 0"]


def test_a_sweep_is_drawn_by_weight_whatever_its_order() -> None:
    points = [
        Point(6.0, 0, 50.0, 20.0, 80.0, 0.4),
        Point(0.0, 0, 60.0, 30.0, 60.0, 0.3),
        Point(6.0, 1, 52.0, 22.0, 84.0, 0.5),
    ]
    errors, fractions = sweep_of(points).axes
    for axes, means in ((errors, [60.0, 51.0]), (fractions, [60.0, 82.0])):
        dots = [line for line in axes.lines if line.get_marker() == "o"]
        assert [float(dot.get_ydata()[0]) for dot in dots] == means  # type: ignore[index, arg-type]


def test_a_sweep_without_fractions() -> None:
    with pytest.raises(Problem) as caught:
        sweep_of([Point(0.0, 0, 60.0, 30.0, None, 0.3)])
    assert caught.value.code == "no_fraction"
