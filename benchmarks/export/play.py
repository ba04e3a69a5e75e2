"""Who played which photograph, when, and how it ended: the paper's figures, drawn from a seed.

- The paper's size: 196,499 photographs, 472,946 maps, 1,235 players, about 74 bubbles a map. A fraction is
  that share of photographs and maps; always of all players, so that photographs stay what they are.
- 1,000 of the 196,499 photographs came again in every generation: they have over 10 players, 40 on average
  (10 + geometric of mean 30). All others have 1 + Poisson: 1 player 30 %, 2 36 %, 3 22 %, more 12 %; the mean
  is what is left of the maps, 2.21.
- A photograph's players are all different. Some play much: the busiest tenth about four tenths of all rounds.
- Rounds come in random order over all photographs, which is worse for a reader than generations were.
- Of the rounds that count, 47 % are recognised after 10 to 90 bubbles; the others time out with 51 to 140.
- Besides, not among those maps: 3 rounds are skipped to 100 maps, and of all photographs one in 20 was
  flagged once, with a map or without.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

PHOTOGRAPHS, MAPS, PLAYERS, CLASSES = 196_499, 472_946, 1_235, 1_000  # the paper's
REPEATED, FEWEST, MORE = 1_000, 10, 30  # photographs with many players; at least, and more on average
FLAGGED = 0.05  # of all photographs; the paper's figures are of what was left without them
RECOGNISED, SKIPPED = 0.47, 0.03
ACTIVITY = 1.0  # how unlike players are: the standard deviation of the logarithm
WANDERS = 30.0  # px, how far objects lie from the middle, as a standard deviation
AT_ONCE = 4096  # photographs whose players are drawn together


@dataclass(frozen=True)
class Size:
    """How much there is of everything."""

    photographs: int  # that have a map and are not flagged
    maps: int  # theirs
    repeated: int
    players: int = PLAYERS

    @classmethod
    def of(cls, fraction: Fraction) -> "Size":
        """That share of the paper's. `ValueError` unless there is something of everything, and no more."""
        size = cls(*(round(fraction * whole) for whole in (PHOTOGRAPHS, MAPS, REPEATED)))
        if not (fraction <= 1 and size.repeated >= 1):
            raise ValueError(f"a fraction lies between 1/{REPEATED} and 1, not at {fraction}")
        return size


@dataclass(frozen=True)
class Play:
    """Every round, in the order they were played, and the photographs they were about. Numbers from 0."""

    photograph: NDArray[np.int64]  # [rounds]
    player: NDArray[np.int64]  # [rounds]
    outcome: NDArray[np.str_]  # [rounds]
    bubbles: NDArray[np.int64]  # [rounds], how many
    flagged: NDArray[np.bool_]  # [photographs]
    class_index: NDArray[np.int64]  # [photographs]
    maps: NDArray[np.int64]  # [photographs], rounds that count
    nth_mapped: NDArray[np.int64]  # [photographs]: the how-manieth of its class to get a map; 0: it has none
    objects: NDArray[np.float64]  # [photographs, 2], x and y in px of what is to be painted


def play(size: Size, most_bubbles: int, chance: np.random.Generator) -> Play:
    """Draw it all. `most_bubbles` are those of a whole round."""
    flagged, maps = _maps(size, chance)
    # Skipped rounds fall where maps do: a photograph that many see is skipped by many.
    skipped = chance.choice(len(maps), round(size.maps * SKIPPED), p=maps / maps.sum())
    rounds = maps + flagged + np.bincount(skipped, minlength=len(maps))
    rounds = np.minimum(rounds, size.players)
    player = _players(size.players, rounds, chance)
    photograph = np.repeat(np.arange(len(maps)), rounds)
    # A photograph's rounds: those that count, then the flagged one if there is one, then those skipped.
    number = np.arange(len(photograph)) - np.repeat(rounds.cumsum() - rounds, rounds)
    recognised = chance.random(len(photograph)) < RECOGNISED
    outcome = np.select(
        [number >= (maps + flagged)[photograph], number >= maps[photograph], recognised],
        ["skipped", "flagged", "recognised"],
        "timeout",
    )
    bubbles = np.select(
        [outcome == "recognised", outcome == "timeout"],
        [chance.integers(10, 91, outcome.size), chance.integers(51, most_bubbles + 1, outcome.size)],
        chance.integers(1, 30, outcome.size),
    )
    order = chance.permutation(outcome.size)
    class_index = chance.integers(0, CLASSES, len(maps))
    counts = np.isin(outcome[order], ("recognised", "timeout"))
    return Play(
        photograph=photograph[order],
        player=player[order],
        outcome=outcome[order],
        bubbles=bubbles[order],
        flagged=flagged,
        class_index=class_index,
        maps=maps,
        nth_mapped=_nth_mapped(class_index, photograph[order][counts]),
        objects=128 + chance.normal(0, WANDERS, (len(maps), 2)),
    )


def _maps(size: Size, chance: np.random.Generator) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which photographs were flagged, and how many players painted each: bool and int64 [photographs].

    The maps of those that were not flagged are exactly `size.maps`, at least one each.
    """
    many = np.minimum(FEWEST + chance.geometric(1 / MORE, size.repeated), size.players)
    others = size.photographs - size.repeated
    more = (size.maps - many.sum()) / others - 1
    few = 1 + chance.poisson(more, others)
    lacking = size.maps - int(many.sum() + few.sum())
    changed = np.flatnonzero(few > (1 if lacking < 0 else 0))
    few[chance.choice(changed, abs(lacking), replace=False)] += np.sign(lacking)
    left_out = chance.poisson(more, round(size.photographs * FLAGGED / (1 - FLAGGED)))
    maps = np.concatenate([many, few, left_out])
    mixed = chance.permutation(len(maps))
    return (mixed >= size.photographs), maps[mixed]


def _players(players: int, rounds: NDArray[np.int64], chance: np.random.Generator) -> NDArray[np.int64]:
    """The players of each photograph one after the other, no one twice: int64 [sum of rounds].

    Those who ring first, each at a rate of their own: a draw without replacement, weighted by the rates
    (Efraimidis and Spirakis 2006).
    """
    pauses = chance.lognormal(0, ACTIVITY, players).astype(np.float32)
    drawn = []
    for first in range(0, len(rounds), AT_ONCE):
        wanted = rounds[first : first + AT_ONCE]
        most = int(wanted.max())
        rings = pauses * chance.standard_exponential((len(wanted), players), dtype=np.float32)
        early = np.argpartition(rings, most - 1, axis=1)[:, :most]
        in_turn = np.take_along_axis(early, np.take_along_axis(rings, early, axis=1).argsort(axis=1), axis=1)
        drawn.append(in_turn[np.arange(most) < wanted[:, None]])
    return np.concatenate(drawn)


def _nth_mapped(class_index: NDArray[np.int64], painted: NDArray[np.int64]) -> NDArray[np.int64]:
    """`painted` are the photographs of the rounds that count, in order of play."""
    photographs, first = np.unique(painted, return_index=True)
    in_order = photographs[np.lexsort((first, class_index[photographs]))]
    per_class = np.bincount(class_index[photographs], minlength=CLASSES)
    nth = np.zeros_like(class_index)
    nth[in_order] = np.arange(len(in_order)) - np.repeat(per_class.cumsum() - per_class, per_class) + 1
    return nth
