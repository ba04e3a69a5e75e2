"""A recipe makes what its parts make."""

import dataclasses
import json

import numpy as np
import pytest

from clickme.maps import (
    Recipe,
    blur,
    count_map,
    disk_blur,
    gaussian_kernel,
    photograph_map,
    player_map,
    point_map,
)
from clickme.maps.recipe import Painted


def players() -> list[Painted]:
    """Three, one of whom painted by older rules, with a larger square."""
    random = np.random.default_rng(0)
    return [(side, random.integers(-5, 261, (30, 2)).astype(np.int16)) for side in (14, 14, 21)]


def test_the_default_is_the_paper_s() -> None:
    sharp = photograph_map(player_map(bubbles, bubble=side) for side, bubbles in players())

    assert (Recipe().sharp(players()) == sharp).all()
    assert (Recipe().heat(sharp) == blur(sharp, size=49, sigma=28.0)).all()


def test_counts_are_of_all_players_in_squares_of_the_recipe() -> None:
    together = np.concatenate([bubbles for _, bubbles in players()])

    assert (Recipe(map="count").sharp(players()) == count_map(together, box=18)).all()
    assert (Recipe(map="count", box=7).sharp(players()) == count_map(together, box=7)).all()


def test_points_are_a_mean_over_players() -> None:
    points = point_map(bubbles for _, bubbles in players())

    assert (Recipe(map="point").sharp(players()) == points).all()


def test_each_blur_takes_its_own_figures() -> None:
    sharp = Recipe().sharp(players())

    assert (Recipe(kernel=11, sigma=3.0).heat(sharp) == blur(sharp, size=11, sigma=3.0)).all()
    assert (Recipe(blur="disk").heat(sharp) == disk_blur(sharp, diameter=21)).all()
    assert (Recipe(blur="disk", diameter=5).heat(sharp) == disk_blur(sharp, diameter=5)).all()
    assert (Recipe(blur="none").heat(sharp) == sharp).all()


@pytest.mark.parametrize("smooth", ["gaussian", "disk", "none"])
def test_many_maps_are_finished_as_each_alone(smooth: str) -> None:
    recipe = dataclasses.replace(Recipe(), blur=smooth)  # type: ignore[arg-type]
    sharp = np.array([recipe.sharp(players()[:number]) for number in (1, 2, 3)])

    assert all(
        (heat == recipe.heat(alone)).all() for heat, alone in zip(recipe.heat(sharp), sharp, strict=True)
    )


def test_a_map_needs_a_player() -> None:
    for kind in ("mean", "count", "point"):
        with pytest.raises(ValueError, match=r"there are none|at least one"):
            dataclasses.replace(Recipe(), map=kind).sharp([])


def test_a_recipe_can_be_written_beside_the_data() -> None:
    recipe = Recipe(map="point", blur="disk")

    assert Recipe(**json.loads(json.dumps(dataclasses.asdict(recipe)))) == recipe


def test_the_middle_of_much_paint_is_worth_one() -> None:
    """The Gaussian sums to one: where all around is painted by all, the map says so."""
    everywhere = np.ones((256, 256))

    assert Recipe().heat(everywhere)[128, 128] == 1
    assert Recipe(blur="disk").heat(everywhere)[128, 128] == 1
    assert Recipe().heat(everywhere)[0, 0] == pytest.approx(gaussian_kernel()[24:].sum() ** 2, abs=5e-7)
