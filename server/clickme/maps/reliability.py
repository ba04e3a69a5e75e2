"""How far players agree about a photograph, and how much of that any two maps would.

Two measures: the paper's, of two random players of each photograph, and ClickMe 2's, of split halves of its
players. The work splits over processes by chunks of photographs: `plan`, `measure` for each, `summarise`. A
chunk draws from a random generator of its own, so who measured it, and when, is nothing to the result.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from clickme.maps.recipe import Recipe

PHOTOGRAPHS = 10_000  # paper
HALVES_PHOTOGRAPHS = 1_000  # fewer, for each costs up to 2 * RESAMPLES maps
RESAMPLES = 10  # random splits of a photograph's players
CHUNK = 250  # photographs, at most
DRAWS = 1_000  # of the bootstrap

# The players of a photograph, each once: a number, the side of a bubble's square in px, bubbles int [n, 2].
Sample = Sequence[tuple[int, int, NDArray[np.integer]]]
T = TypeVar("T")


@dataclass(frozen=True)
class Chunk:
    """Photographs that are measured together."""

    number: int
    photographs: tuple[int, ...]  # their places among those offered, in random order
    halves: int  # so many, from the first, also have their players split in halves


@dataclass(frozen=True)
class Correlations:
    """Spearman's rho for each photograph of a chunk: float64 [photographs], NaN where there is none.

    There is none where a map is the same everywhere, where the chunk has no other photograph to compare with,
    and, for halves, where players were not split.
    """

    seed: int
    chunk: int
    resamples: int
    players: NDArray[np.int64]  # of the photograph
    pair: NDArray[np.float64]  # of two of its players
    null: NDArray[np.float64]  # of one of them and another player of another photograph
    halves: NDArray[np.float64]  # of two halves of its players: a mean over resamples
    halves_floor: NDArray[np.float64]  # of a half of them and a half of another photograph's: a mean likewise


@dataclass(frozen=True)
class Reliability:
    """Means of Spearman's rho, in [-1, 1], over photographs with two or more players.

    Intervals are of 95 %: percentiles of the mean over photographs drawn anew. None is what could not be
    measured.
    """

    seed: int
    photographs: int  # where two players were compared
    left_out: int  # photographs where one of the two maps was the same everywhere: it has no correlation
    players: float  # of a photograph: a mean over both
    rho: float | None  # two players of one photograph; 0.58 in the paper
    rho_interval: tuple[float, float] | None
    null: float | None  # two players, each of another photograph; 0.18 in the paper
    nulls: int  # how many such pairs
    p: float | None  # the share of them at or above rho: (1 + those) / (1 + nulls)
    halves_photographs: int  # where halves of the players were compared
    resamples: int  # random splits of each
    ceiling: float | None  # two halves of one photograph's players
    ceiling_interval: tuple[float, float] | None
    floor: float | None  # a half of one photograph's players and a half of another's, whoever they are
    floor_interval: tuple[float, float] | None


def plan(
    photographs: int,
    seed: int,
    *,
    most: int = PHOTOGRAPHS,
    halves: int = HALVES_PHOTOGRAPHS,
    size: int = CHUNK,
) -> list[Chunk]:
    """What to measure of so many photographs with two or more players: at most `most`, `halves` with halves.

    Photographs are drawn at random and come in random order, in chunks of nearly the same number, at most
    `size`. Halves are spread over all chunks, for they take the time. No photograph, no chunk.
    """
    drawn = np.random.default_rng(seed).permutation(photographs)[:most]
    if not drawn.size:
        return []
    parts = np.array_split(drawn, math.ceil(drawn.size / size))
    ends = np.cumsum([part.size for part in parts])
    halved = np.diff(ends * min(halves, drawn.size) // drawn.size, prepend=0)
    return [
        Chunk(number, tuple(part.tolist()), share)
        for number, (part, share) in enumerate(zip(parts, halved.tolist(), strict=True))
    ]


def measure(
    samples: Sequence[Sample],
    recipe: Recipe,
    seed: int,
    chunk: int = 0,
    *,
    halves: int = HALVES_PHOTOGRAPHS,
    resamples: int = RESAMPLES,
) -> Correlations:
    """The correlations of one chunk of photographs, whose maps follow `recipe`.

    `samples` has the players of each photograph of chunk number `chunk`, in its order. The first `halves` of
    them are split into random halves, `resamples` times. A photograph has one other to be compared with.
    `ValueError` for a photograph with fewer than two players.
    """
    if any(len(sample) < 2 for sample in samples):
        raise ValueError("agreement takes two players, and a photograph has fewer")
    random = np.random.default_rng([seed, chunk])
    halves = min(halves, len(samples))
    # Photographs with halves are neighbours: each needs another's halves beside it.
    ring = [*random.permutation(halves), *(halves + random.permutation(len(samples) - halves))]
    seen = (_see(at, samples[at], recipe, random, resamples if at < halves else 0) for at in ring)
    pair, null, split, floor = np.full((4, len(samples)), np.nan)
    for here, there in _each_and_the_next(seen):
        pair[here.at] = _correlation(*here.pair)
        split[here.at] = _mean_correlation(here.splits)
        if here is not there:
            null[here.at] = _correlation(here.pair[0], there.map_of_another_than(here.players[0]))
            floor[here.at] = _mean_correlation(
                (half, half_there)
                for (half, _), (_, half_there) in zip(here.splits, there.splits, strict=False)
            )
    players = np.array([len(sample) for sample in samples], dtype=np.int64)
    return Correlations(seed, chunk, resamples, players, pair, null, split, floor)


def summarise(chunks: Sequence[Correlations]) -> Reliability:
    """What all chunks of one plan say together; in any order. `ValueError` if no photograph was measured."""
    if not any(chunk.players.size for chunk in chunks):
        raise ValueError("reliability is measured on photographs with two players, and there is none")
    chunks = sorted(chunks, key=lambda chunk: chunk.chunk)
    seed = chunks[0].seed
    pair = _known(chunk.pair for chunk in chunks)
    null = _known(chunk.null for chunk in chunks)
    halves = _known(chunk.halves for chunk in chunks)
    floor = _known(chunk.halves_floor for chunk in chunks)
    players = np.concatenate([chunk.players for chunk in chunks])
    rho = _mean(pair)
    return Reliability(
        seed=seed,
        photographs=pair.size,
        left_out=players.size - pair.size,
        players=float(players.mean()),
        rho=rho,
        rho_interval=_interval(pair, seed),
        null=_mean(null),
        nulls=null.size,
        p=None if rho is None or not null.size else (1 + int((null >= rho).sum())) / (1 + null.size),
        halves_photographs=halves.size,
        resamples=chunks[0].resamples,
        ceiling=_mean(halves),
        ceiling_interval=_interval(halves, seed),
        floor=_mean(floor),
        floor_interval=_interval(floor, seed),
    )


def spearman(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Spearman's rank correlation of two maps of one shape, finite: in [-1, 1], 1 for the same ranks.

    Ties share their mean rank. NaN if one of the maps is the same everywhere: it ranks nothing. `ValueError`
    for unlike shapes. Up to 2**18 pixels every sum is exact: the result has the same bits on every machine.
    """
    if a.shape != b.shape:
        raise ValueError(f"maps of one shape can be compared, not {a.shape} and {b.shape}")
    return _correlation(_centred(a), _centred(b))


def ranks(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Where each value comes in the order of all, from 1: float64 [n], ties share their mean rank.

    `values` is finite, of any shape, one or more; n is how many.
    """
    return (_centred(values) + (values.size + 1)) / 2


def _centred(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Twice the ranks, less twice their mean: float64 [n], whole numbers that sum to zero."""
    flat = np.ravel(values).astype(np.float64, copy=False)
    # Much of a map is one zero: what lies above it is sorted alone, in a third of the time.
    above = flat > flat.min()
    lowest = flat.size - np.count_nonzero(above)
    centred = np.full(flat.size, lowest - flat.size, dtype=np.float64)
    doubled = _doubled(flat[above])
    doubled += 2 * lowest - flat.size - 1
    centred[above] = doubled
    return centred


def _doubled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Twice the ranks of values [n], from 1: float64 [n]."""
    order = np.argsort(values)
    ordered = values[order]
    edges = np.ones(values.size + 1, dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=edges[1 : values.size])
    bounds = np.flatnonzero(edges)
    doubled = ordered  # no longer needed, and fresh memory takes longer than all else here
    doubled[order] = np.repeat(bounds[:-1] + bounds[1:] + 1, np.diff(bounds))
    return doubled


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Spearman's rho of two maps that went through `_centred`."""
    spread = math.sqrt(_product(a, a) * _product(b, b))
    return _product(a, b) / spread if spread else math.nan


def _product(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    # Unlike a @ b it starts no threads, which would wait for each other on busy cores.
    return float(np.einsum("i,i", a, b))


def _mean_correlation(pairs: Iterable[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> float:
    """Spearman's rho, a mean over those pairs that have one."""
    found = [rho for a, b in pairs if not math.isnan(rho := _correlation(a, b))]
    return math.fsum(found) / len(found) if found else math.nan


@dataclass(frozen=True)
class _Seen:
    """Maps of a photograph, as `_centred` leaves them."""

    at: int
    players: tuple[int, int]
    pair: tuple[NDArray[np.float64], NDArray[np.float64]]
    splits: list[tuple[NDArray[np.float64], NDArray[np.float64]]]

    def map_of_another_than(self, player: int) -> NDArray[np.float64]:
        return self.pair[1] if self.players[1] != player else self.pair[0]


def _see(at: int, sample: Sample, recipe: Recipe, random: np.random.Generator, resamples: int) -> _Seen:
    """The maps of two random players, and of `resamples` random halves; none is made twice."""

    @cache
    def seen(*who: int) -> NDArray[np.float64]:
        return _centred(recipe.heat(recipe.sharp([sample[one][1:] for one in who])))

    one, other = random.choice(len(sample), 2, replace=False).tolist()
    middle = len(sample) // 2
    splits = []
    for _ in range(resamples):
        shuffled = random.permutation(len(sample)).tolist()
        splits.append((seen(*sorted(shuffled[:middle])), seen(*sorted(shuffled[middle:]))))
    return _Seen(at, (sample[one][0], sample[other][0]), (seen(one), seen(other)), splits)


def _each_and_the_next(items: Iterable[T]) -> Iterator[tuple[T, T]]:
    """Each with the one that follows it; the first follows the last."""
    items = iter(items)
    first = next(items, None)
    return pairwise(chain([first], items, [first])) if first is not None else iter(())


def _known(parts: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    values: NDArray[np.float64] = np.concatenate(list(parts))
    return values[~np.isnan(values)]


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if values.size else None


def _interval(values: NDArray[np.float64], seed: int) -> tuple[float, float] | None:
    """Where the mean lies in 95 % of draws of as many values, with replacement."""
    if not values.size:
        return None
    random = np.random.default_rng(seed)
    means = [values[random.integers(values.size, size=values.size)].mean() for _ in range(DRAWS)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
