"""Rounds of code players without a server: what they paint, what a partner sees of it, when it knows.

    painted = paint(rules, photographs)                        # strokes, by the brush's laws
    played = play(looker, rules, photographs, classes, painted)
    played[0].recognised(5)                                    # at so many bubbles, or None

A round is looked at whenever `step` bubbles more are painted, as the original game did each ten; today's game
looks more often. Views are made as they are looked at, a batch at a time.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clickme.catalogue.categories import synonyms
from clickme.game.rules import Rules
from clickme.partners.bundled import BATCH
from clickme.simulate.strokes import STRATEGIES as EVERY
from clickme.simulate.strokes import follow
from clickme_partner.looks import Looker
from clickme_partner.view import CROP, centre, compose, ground

STEP: Final = 10  # bubbles, between a look and the next (the original)
STRATEGIES: Final = ("spiral", "contrast")  # those that know nothing of the label, and do not paint at random


@dataclass(frozen=True)
class Painted:
    """All that a code player paints in a round that nobody ends.

    `photograph` is its place among those that were given; `bubbles` are (x, y), px of the photograph, in the
    order of painting: one each tick, `Rules.most_bubbles` of them.
    """

    photograph: int
    strategy: str
    player: int
    bubbles: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Look:
    """A view to be: a round after `count` bubbles."""

    painted: Painted
    count: int


@dataclass(frozen=True)
class Played:
    """What a partner made of a round.

    `places` has, for each look in turn, the label's place in the partner's order, 1 for its first guess; of a
    label and its synonyms, the best. The looks end with the first that is recognised under the rules.
    """

    painted: Painted
    step: int
    places: tuple[int, ...]

    def recognised(self, k: int) -> int | None:
        """After how many bubbles the label was first among the `k` guesses that count; None: it never was.

        `k` is no less than the rules' `top_k` under which the round was played: there it ended.
        """
        looks = (look for look, place in enumerate(self.places, start=1) if place <= k)
        return next((look * self.step for look in looks), None)


def paint(
    rules: Rules,
    photographs: NDArray[np.uint8],
    *,
    strategies: Sequence[str] = STRATEGIES,
    players: int = 1,
    names: Sequence[str] | None = None,
) -> list[Painted]:
    """What `players` players of each of `strategies` paint on each of `photographs` uint8 [N, 256, 256, 3].

    A player's chance follows from the photograph's name (none: its place), the strategy and the player's
    number: the same arguments give the same strokes, whatever else is painted.
    """
    painted = []
    for number, photograph in enumerate(photographs):
        grey = np.asarray(Image.fromarray(photograph).convert("L"))
        name = names[number] if names else number
        for strategy in strategies:
            for player in range(players):
                hand = random.Random(f"{name} {strategy} {player}")  # noqa: S311 - strokes are no secret
                bubbles = tuple(brushed(rules, strategy, grey, hand))
                painted.append(Painted(number, strategy, player, bubbles))
    return painted


def brushed(
    rules: Rules, strategy: str, grey: NDArray[np.uint8], hand: random.Random
) -> Iterator[tuple[int, int]]:
    """Where the brush paints as it follows the cursor, tick by tick until the time is up."""
    last = None
    for cursor in islice(EVERY[strategy](rules, grey, hand), rules.most_bubbles):
        last = follow(rules, last, cursor)
        yield last


def counts(rules: Rules, step: int = STEP) -> range:
    """After how many bubbles a round is looked at."""
    return range(step, rules.most_bubbles + 1, step)


def views(
    rules: Rules, photographs: NDArray[np.uint8], looks: Sequence[Look], batch: int = BATCH
) -> Iterator[NDArray[np.uint8]]:
    """The views of `looks`, `batch` at a time: uint8 [n, 224, 224, 3], each a new array."""

    @cache  # a round is looked at many times, and its ground may be noise
    def scene(photograph: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        middle = centre(photographs[photograph])
        return middle, ground(rules.fill, middle)

    for start in range(0, len(looks), batch):
        some = looks[start : start + batch]
        rows = np.empty((len(some), CROP, CROP, 3), np.uint8)
        for row, look in zip(rows, some, strict=True):
            bubbles = look.painted.bubbles[: look.count]
            compose(row, *scene(look.painted.photograph), bubbles, rules.reveal)
        yield rows


def places(logits: Iterable[NDArray[np.float32]], classes: Iterable[int]) -> list[int]:
    """The place of each label, or the best of its synonyms, in the partner's order of its view; 1 the first.

    `logits` come in batches, float32 [n, 1000], `classes` one by one. Equal beliefs come in class order, as
    in the game.
    """
    orders = chain.from_iterable(np.argsort(-some, axis=1, kind="stable") for some in logits)
    return [
        int(np.isin(order, list(synonyms(label))).argmax()) + 1
        for order, label in zip(orders, classes, strict=True)
    ]


def play(
    looker: Looker,
    rules: Rules,
    photographs: NDArray[np.uint8],
    classes: Sequence[int],
    painted: Sequence[Painted],
    *,
    step: int = STEP,
    batch: int = BATCH,
) -> list[Played]:
    """Show `looker` the rounds of `painted`, each until it is recognised or the time is up.

    `photographs` are uint8 [N, 256, 256, 3], `classes` N, 0-based. All rounds go on together, so that views
    come in batches. Raises PartnerError as the looker does.
    """
    seen: list[list[int]] = [[] for _ in painted]
    for count in counts(rules, step):
        running = [number for number, so_far in enumerate(seen) if not so_far or so_far[-1] > rules.top_k]
        looks = [Look(painted[number], count) for number in running]
        logits = [looker.logits(rows) for rows in views(rules, photographs, looks, batch)]
        labels = [int(classes[look.painted.photograph]) for look in looks]
        for number, place in zip(running, places(logits, labels), strict=True):
            seen[number].append(place)
    return [Played(one, step, tuple(so_far)) for one, so_far in zip(painted, seen, strict=True)]
