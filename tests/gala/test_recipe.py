"""The schedule, held against the paper's words."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickme.kit.problems import Problem
from clickme_gala.recipe import Recipe


def test_the_papers_schedule() -> None:
    recipe = Recipe()
    assert (recipe.model, recipe.map_weight, recipe.epochs, recipe.batch) == ("gala-resnet-50", 6, 100, 32)
    # 0.1 for a batch of 256, and a tenth after 30, 60, 80 and 90 epochs.
    first = 0.1 * 32 / 256
    for epoch, drops in ((0, 0), (29.999, 0), (30, 1), (59.9, 1), (60, 2), (80, 3), (90, 4), (99.9, 4)):
        assert recipe.rate(epoch) == pytest.approx(first / 10**drops)


def test_the_reference_trainers_schedule() -> None:
    recipe = Recipe.as_reference()
    assert (recipe.map_weight, recipe.epochs, recipe.batch, recipe.weight_decay) == (1e-5, 90, 1024, 1e-4)
    # 0.1 for 256, in five epochs from 0, and a tenth after 30, 60 and 80.
    first = 0.1 * 1024 / 256
    for epoch, rate in ((0, 0), (2.5, first / 2), (5, first), (29.9, first)):
        assert recipe.rate(epoch) == pytest.approx(rate)
    for epoch, drops in ((30, 1), (60, 2), (80, 3), (89.9, 3)):
        assert recipe.rate(epoch) == pytest.approx(first / 10**drops)


@given(st.integers(1, 300), st.floats(0, 0.999))
def test_a_run_of_another_length_drops_at_the_same_shares(epochs: int, share: float) -> None:
    rate = Recipe(epochs=epochs, learning_rate=1.0).rate(share * epochs)
    assert rate == pytest.approx(Recipe(learning_rate=1.0).rate(share * 100)) or any(
        abs(share - drop) < 1e-9 for drop in (0.3, 0.6, 0.8, 0.9)
    )


@pytest.mark.parametrize("seed", [0, 7])
def test_a_recipe_comes_back_from_json(seed: int) -> None:
    recipe = Recipe.as_reference(seed=seed, learning_rate=0.3, drops=(0.5,))
    assert Recipe.from_dict(json.loads(json.dumps(recipe.as_dict()))) == recipe


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ({"epochs": 0}, "epochs"),
        ({"batch": 8, "accumulate": 3}, "multiple"),
        ({"learning_rate": 0.0}, "learning rate"),
        ({"map_weight": -1.0}, "map weight"),
        ({"size": 32}, "size"),
        ({"seed": -1}, "seed"),
    ],
)
def test_what_cannot_be(choice: dict[str, float], says: str) -> None:
    with pytest.raises(Problem, match=says) as caught:
        Recipe(**choice)  # type: ignore[arg-type]
    assert caught.value.code == "bad_recipe"
