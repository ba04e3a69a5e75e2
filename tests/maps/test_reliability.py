"""The statistics against SciPy, the measures on painters whose agreement is known."""

import dataclasses
import json
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from clickme.maps import Recipe, blur, measure, photograph_map, player_map, ranks, spearman, summarise
from clickme.maps.recipe import Painted
from clickme.maps.reliability import Correlations, Reliability, Sample, plan

Painter = Callable[[int, int, np.random.Generator], np.ndarray]  # bubbles, by photograph and player

# Few values, so that many are alike.
tied = st.integers(-2, 3).map(float) | st.sampled_from([0.5, -0.0, 1e-300, 1e300])
shapes = st.tuples(st.integers(1, 6), st.integers(1, 6))
few = settings(max_examples=15)


def maps_of_one_shape(number: int) -> st.SearchStrategy[tuple[np.ndarray, ...]]:
    return shapes.flatmap(lambda shape: st.tuples(*[arrays(np.float64, shape, elements=tied)] * number))


def stroke(middle: np.ndarray, random: np.random.Generator, bubbles: int = 40) -> np.ndarray:
    scattered: np.ndarray = middle + random.normal(0, 12, (bubbles, 2)).round().astype(int)
    return scattered


def at_the_object(photograph: int, player: int, random: np.random.Generator) -> np.ndarray:
    """Everybody paints what the photograph shows, each with a hand of their own."""
    return stroke(np.random.default_rng(photograph).integers(50, 206, 2), random)


def anywhere(photograph: int, player: int, random: np.random.Generator) -> np.ndarray:
    return stroke(random.integers(50, 206, 2), random)


def by_habit(photograph: int, player: int, random: np.random.Generator) -> np.ndarray:
    """Each player at a place of their own, whatever the photograph."""
    return stroke(np.random.default_rng(player).integers(30, 226, 2), np.random.default_rng(player))


def alike(photograph: int, player: int, random: np.random.Generator) -> np.ndarray:
    return stroke(np.random.default_rng(photograph).integers(50, 206, 2), np.random.default_rng(photograph))


def nowhere(photograph: int, player: int, random: np.random.Generator) -> np.ndarray:
    return np.empty((0, 2), dtype=np.int16)


def painted(painter: Painter, photographs: int, players: int | list[int], seed: int = 0) -> list[Sample]:
    """Photographs, each painted by so many players (of a hundred), or by these."""
    random = np.random.default_rng(seed)
    samples: list[Sample] = []
    for photograph in range(photographs):
        who = players if isinstance(players, list) else random.choice(100, players, replace=False).tolist()
        samples.append([(player, 14, painter(photograph, player, random)) for player in who])
    return samples


def reliability(samples: list[Sample], seed: int = 0, **how: int) -> Reliability:
    return summarise([measure(samples, Recipe(), seed, **how)])


def map_of(sample: Sample, *who: int) -> np.ndarray:
    return blur(photograph_map(player_map(sample[player][2]) for player in who))


# The statistics.


@given(maps_of_one_shape(2))
def test_spearman_is_scipy_s(maps: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = maps
    assume(np.ptp(a) > 0)
    assume(np.ptp(b) > 0)

    assert spearman(a, b) == pytest.approx(stats.spearmanr(a.ravel(), b.ravel()).statistic, abs=1e-14)


@given(maps_of_one_shape(1))
def test_ranks_are_scipy_s(maps: tuple[np.ndarray]) -> None:
    assert ranks(maps[0]).tolist() == stats.rankdata(maps[0]).tolist()


def test_whole_photographs_rank_as_scipy_has_them() -> None:
    (first, second) = painted(anywhere, 2, 3)
    a, b = map_of(first, 0, 1, 2), map_of(second, 0)

    assert (ranks(a) == stats.rankdata(a)).all()
    assert spearman(a, b) == pytest.approx(stats.spearmanr(a.ravel(), b.ravel()).statistic, abs=1e-12)


@given(maps_of_one_shape(2))
def test_spearman_obeys_its_laws(maps: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = maps
    assume(np.ptp(a) > 0)
    assume(np.ptp(b) > 0)

    assert -1 <= spearman(a, b) <= 1
    assert spearman(a, b) == spearman(b, a) == -spearman(a, -b) == spearman(np.cbrt(a), b)
    assert spearman(a, a) == 1
    assert spearman(a, -a) == -1


def test_spearman_of_a_worked_example() -> None:
    """Ranks 1 2.5 2.5 4 and 1 2 3 4: the covariance is 4.5, the variances 4.5 and 5."""
    tie, line = np.array([[0.1, 0.2], [0.2, 0.9]]), np.array([[1.0, 2.0], [3.0, 4.0]])

    assert ranks(tie).tolist() == [1, 2.5, 2.5, 4]
    assert spearman(tie, line) == 4.5 / math.sqrt(4.5 * 5)


@given(shapes, tied)
def test_a_map_without_contrast_has_no_correlation(shape: tuple[int, int], value: float) -> None:
    flat = np.full(shape, value)

    assert math.isnan(spearman(flat, np.arange(float(flat.size)).reshape(shape)))
    assert math.isnan(spearman(flat, flat))


def test_maps_of_unlike_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        spearman(np.zeros((2, 3)), np.zeros((3, 2)))


# Two players of a photograph.


def test_two_players_are_compared_by_their_blurred_maps() -> None:
    samples = painted(anywhere, 5, 2)

    pair = measure(samples, Recipe(), seed=0, halves=0).pair

    assert pair.tolist() == [spearman(map_of(sample, 0), map_of(sample, 1)) for sample in samples]


def test_of_many_players_two_different_ones_are_compared() -> None:
    sample = painted(anywhere, 1, 4)[0]
    maps = [map_of(sample, player) for player in range(4)]
    every = {spearman(maps[one], maps[other]) for one in range(4) for other in range(one)}

    drawn = {measure([sample], Recipe(), seed, halves=0).pair[0] for seed in range(40)}

    assert drawn == every


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe(map="count"),
        Recipe(map="point", blur="disk"),
        Recipe(kernel=9, sigma=2),
        Recipe(blur="none"),
    ],
)
def test_the_maps_are_the_recipe_s(recipe: Recipe) -> None:
    sample = painted(anywhere, 1, 2)[0]
    one, other = (recipe.heat(recipe.sharp([(side, bubbles)])) for _, side, bubbles in sample)

    assert measure([sample], recipe, seed=0).pair.tolist() == [spearman(one, other)]


def test_players_with_a_strategy_in_common_are_far_above_chance() -> None:
    found = reliability(painted(at_the_object, 30, 3), halves=10, resamples=3)

    assert found.rho is not None
    assert found.null is not None
    assert found.p is not None
    assert found.ceiling is not None
    assert found.floor is not None
    assert found.rho > 0.7
    assert found.null < 0.3
    assert found.p < 0.1
    assert found.ceiling > 0.7
    assert found.floor < 0.3


def test_players_who_paint_anywhere_are_not_above_chance() -> None:
    found = reliability(painted(anywhere, 80, 3), halves=10, resamples=3)

    assert found.rho is not None
    assert found.null is not None
    assert found.p is not None
    assert found.ceiling is not None
    assert found.floor is not None
    assert found.rho == pytest.approx(found.null, abs=0.15)
    assert 0.2 < found.p < 0.8
    assert found.ceiling == pytest.approx(found.floor, abs=0.15)


def test_chance_shares_neither_the_photograph_nor_the_player() -> None:
    """With habits alone, a player is like themselves everywhere, and unlike the other."""
    two = painted(by_habit, 6, [3, 8])
    mine, theirs = map_of(two[0], 0), map_of(two[0], 1)

    for seed in range(5):
        null = measure(two, Recipe(), seed, halves=0).null
        assert null.tolist() == [spearman(mine, theirs)] * 6

    one_photograph_each = painted(alike, 6, 2)
    assert (measure(one_photograph_each, Recipe(), 0, halves=0).null < 1).all()


def test_a_photograph_alone_has_no_chance_to_be_set_against() -> None:
    found = reliability(painted(at_the_object, 1, 2))

    assert found.rho is not None
    assert (found.null, found.nulls, found.p, found.floor, found.floor_interval) == (
        None,
        0,
        None,
        None,
        None,
    )
    assert found.rho_interval == (found.rho, found.rho)
    assert found.ceiling == pytest.approx(found.rho, abs=1e-15)


def test_identical_players_agree_wholly() -> None:
    found = reliability(painted(alike, 10, 3), resamples=3)

    assert (found.rho, found.rho_interval) == (1.0, (1.0, 1.0))
    assert (found.ceiling, found.ceiling_interval) == (1.0, (1.0, 1.0))
    assert found.p == 1 / 11


def test_who_painted_nothing_is_left_out_and_counted() -> None:
    samples = [*painted(at_the_object, 6, 2), *painted(nowhere, 3, 2)]

    found = reliability(samples)
    without = reliability(samples[:6])

    assert (found.photographs, found.left_out, found.halves_photographs) == (6, 3, 6)
    assert (found.rho, found.ceiling) == (without.rho, without.ceiling)
    assert found.nulls < 9

    nothing = reliability(samples[6:])
    assert (nothing.photographs, nothing.left_out, nothing.players) == (0, 3, 2.0)
    assert (nothing.rho, nothing.rho_interval, nothing.p, nothing.ceiling, nothing.floor) == (None,) * 5


def test_a_photograph_with_one_player_is_refused() -> None:
    with pytest.raises(ValueError, match="two players"):
        measure(painted(anywhere, 3, 1), Recipe(), seed=0)


# Halves.


def test_halves_of_two_players_are_the_players() -> None:
    found = measure(painted(anywhere, 4, 2), Recipe(), seed=0, resamples=3)

    assert np.allclose(found.halves, found.pair, rtol=0, atol=1e-15)


def test_a_half_is_the_mean_of_its_players_and_resamples_are_averaged() -> None:
    sample = painted(anywhere, 1, 3)[0]
    three = [spearman(map_of(sample, one), map_of(sample, *({0, 1, 2} - {one}))) for one in range(3)]

    one_split = {measure([sample], Recipe(), seed, resamples=1).halves[0] for seed in range(30)}
    many_splits = measure([sample], Recipe(), seed=0, resamples=100).halves[0]

    assert one_split == set(three)
    assert many_splits == pytest.approx(np.mean(three), abs=0.08)


def test_only_the_first_photographs_are_split() -> None:
    found = measure(painted(at_the_object, 9, 3), Recipe(), seed=0, halves=4)

    assert (~np.isnan(found.halves)).tolist() == [True] * 4 + [False] * 5
    # The last one has no other beside it that was split.
    assert (~np.isnan(found.halves_floor)).sum() == 3
    assert not np.isnan(found.halves_floor[:4]).all()
    assert (~np.isnan(found.null)).all()


@pytest.mark.parametrize(
    ("players", "expected"), [(2, [1] * 2), (3, [1] * 3 + [2] * 3), (4, [1] * 2 + [2] * 6)]
)
def test_halves_are_halves_and_each_is_made_once(
    monkeypatch: pytest.MonkeyPatch, players: int, expected: list[int]
) -> None:
    made: list[int] = []
    sharp = Recipe.sharp

    def counted(recipe: Recipe, players: Sequence[Painted]) -> np.ndarray:
        made.append(len(players))
        return sharp(recipe, players)

    monkeypatch.setattr(Recipe, "sharp", counted)

    measure(painted(anywhere, 1, players), Recipe(), seed=0, resamples=50)

    # The two of the pair, and every half there is.
    assert sorted(made) == expected


# Chunks.


@given(st.integers(0, 700), st.integers(0, 99), st.integers(1, 500), st.integers(0, 600), st.integers(1, 90))
def test_a_plan_has_each_photograph_once(
    photographs: int, seed: int, most: int, halves: int, size: int
) -> None:
    chunks = plan(photographs, seed, most=most, halves=halves, size=size)

    chosen = [photograph for chunk in chunks for photograph in chunk.photographs]
    sizes = [len(chunk.photographs) for chunk in chunks]
    assert len(chosen) == min(photographs, most)
    assert len(set(chosen)) == len(chosen)
    assert set(chosen) <= set(range(photographs))
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    assert max(sizes, default=0) <= size
    assert max(sizes, default=0) - min(sizes, default=0) <= 1
    assert sum(chunk.halves for chunk in chunks) == min(halves, len(chosen))
    assert all(0 <= chunk.halves <= len(chunk.photographs) for chunk in chunks)
    assert chunks == plan(photographs, seed, most=most, halves=halves, size=size)


def test_a_plan_is_drawn_by_its_seed() -> None:
    assert plan(100, 0) != plan(100, 1)
    assert [len(chunk.photographs) for chunk in plan(40_000, 0)] == [250] * 40
    assert [chunk.halves for chunk in plan(40_000, 0)] == [25] * 40
    assert plan(0, 0) == []


def test_other_processes_in_any_order_give_the_same_numbers() -> None:
    samples, recipe = painted(at_the_object, 12, 3), Recipe()
    work = [
        ([samples[photograph] for photograph in chunk.photographs], recipe, 7, chunk.number)
        for chunk in plan(12, 7, size=3)
    ]

    here = summarise([measure(*one, halves=1) for one in work])
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        asked = [processes.submit(measure, *one, halves=1) for one in reversed(work)]
        there = summarise([answer.result() for answer in asked])

    assert here == there
    assert (here.photographs, here.halves_photographs) == (12, 4)


def test_another_seed_draws_other_players_and_other_intervals() -> None:
    samples = painted(anywhere, 6, 4)
    first, again, second = (reliability(samples, seed, resamples=2) for seed in (0, 0, 1))

    assert first == again
    for name in ("rho", "rho_interval", "null", "ceiling", "floor", "ceiling_interval", "floor_interval"):
        assert getattr(first, name) != getattr(second, name), name
    one, other = (measure(samples, Recipe(), 0, chunk, halves=0) for chunk in (0, 1))
    assert one.pair.tolist() != other.pair.tolist()


correlations = arrays(np.float64, 7, elements=st.floats(-1, 1) | st.just(math.nan))


@few
@given(correlations, correlations, correlations, correlations, st.integers(0, 9))
@example(*np.full((4, 7), 0.1), 0)
@example(*np.full((4, 7), math.nan), 0)
def test_a_summary_counts_what_is_known(
    pair: np.ndarray, null: np.ndarray, halves: np.ndarray, floor: np.ndarray, seed: int
) -> None:
    chunk = Correlations(seed, 0, 10, np.arange(2, 9), pair, null, halves, floor)

    found = summarise([chunk])

    assert (found.seed, found.resamples, found.players) == (seed, 10, 5.0)
    assert found.photographs + found.left_out == 7
    for values, mean, interval in (
        (pair, found.rho, found.rho_interval),
        (halves, found.ceiling, found.ceiling_interval),
        (floor, found.floor, found.floor_interval),
    ):
        known = values[~np.isnan(values)].tolist()
        if mean is None or interval is None:
            assert (mean, interval, known) == (None, None, [])
        else:
            assert mean == pytest.approx(math.fsum(known) / len(known), abs=1e-15)
            assert min(known) - 1e-15 <= interval[0] <= mean <= interval[1] <= max(known) + 1e-15
    assert json.loads(json.dumps(dataclasses.asdict(found), allow_nan=False))["nulls"] == found.nulls


def test_intervals_are_of_95_percent() -> None:
    rho = np.random.default_rng(0).normal(0.5, 0.1, 400)

    found = summarise([Correlations(0, 0, 10, np.full(400, 2), rho, rho, rho, rho)])

    assert found.rho_interval == found.ceiling_interval == found.floor_interval
    margin = 1.96 * rho.std() / math.sqrt(400)
    assert found.rho_interval == pytest.approx((rho.mean() - margin, rho.mean() + margin), abs=margin / 5)


@few
@given(correlations, correlations)
def test_p_is_the_share_of_chance_at_or_above_the_players_and_never_zero(
    pair: np.ndarray, null: np.ndarray
) -> None:
    found = summarise([Correlations(0, 0, 10, np.full(7, 2), pair, null, pair, null)])

    known = null[~np.isnan(null)].tolist()
    if found.rho is None or not known:
        assert found.p is None
        return
    at_or_above = [rho for rho in known if rho >= found.rho]
    assert found.p == (1 + len(at_or_above)) / (1 + len(known))
    assert 0 < found.p <= 1


def test_chunks_are_summed_up_as_one() -> None:
    random = np.random.default_rng(0)
    halves = [Correlations(0, chunk, 10, np.full(5, 2), *random.random((4, 5))) for chunk in (0, 1)]
    names = ("players", "pair", "null", "halves", "halves_floor")
    whole = Correlations(
        0, 0, 10, *(np.concatenate([getattr(half, name) for half in halves]) for name in names)
    )

    assert summarise(halves) == summarise(halves[::-1]) == summarise([whole])


def test_without_photographs_there_is_no_reliability() -> None:
    for chunks in ([], [measure([], Recipe(), seed=0)]):
        with pytest.raises(ValueError, match="there is none"):
            summarise(chunks)
