"""What a photograph's unpainted part looks like, and how many guesses count: what it does to the game.

The original game showed its partner a dark and noisy copy of the photograph under what was painted, and for
two weeks let ten guesses count; the paper shows what was painted alone, on nothing, and counts five. Code
players paint the same strokes for each fill, and a partner looks at them every ten bubbles.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from clickme.catalogue.folder import Source
from clickme.game.rules import Rules
from clickme.partners.bundled import pixels
from clickme.partners.rounds import STRATEGIES, Played, counts, paint, play
from clickme.studies.imagenette import enlarged
from clickme_partner.looks import Looker
from clickme_partner.view import FILLS

GUESSES: Final = (1, 5, 10)  # that count: a classifier's first, the paper, two weeks of the original
PLAYERS: Final = 3  # of each strategy, on each photograph
TOGETHER: Final = 16  # photographs that are played at once: what memory holds
DRAWS: Final = 2_000  # of the bootstrap

# [fills, guesses, strategies, photographs, players]: after how many bubbles; infinite: not at all
Recognised = NDArray[np.float64]


@dataclass(frozen=True)
class Share:
    """Of rounds, recognised within so many bubbles: in [0, 1], with the ends of its 95 % interval."""

    bubbles: int
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """How rounds go with one fill, one strategy and one number of guesses that count."""

    strategy: str
    fill: str
    top_k: int
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class Fills:
    """What came out, and what it is of. `partner` is name@sha256."""

    partner: str
    photographs: int
    players: int
    curves: tuple[Curve, ...]


def fills(
    looker: Looker,
    sources: Sequence[Source],
    progress: Callable[[int], None],
    *,
    players: int = PLAYERS,
) -> Fills:
    """Let `players` players of each strategy paint each photograph, and `looker` look, with each fill.

    `progress` hears how many photographs are done. LeftOut for a photograph that cannot be read; PartnerError
    as the looker raises it.
    """
    found = []
    for start in range(0, len(sources), TOGETHER):
        found.append(recognised(looker, sources[start : start + TOGETHER], players))
        progress(min(start + TOGETHER, len(sources)))
    return Fills(looker.version, len(sources), players, tuple(curves(np.concatenate(found, axis=3))))


def recognised(looker: Looker, sources: Sequence[Source], players: int) -> Recognised:
    """After how many bubbles each round of a few photographs was."""
    photographs = np.stack([pixels(enlarged(source.path)) for source in sources])
    classes = [source.class_index for source in sources]
    painted = paint(Rules(), photographs, players=players, names=[source.name for source in sources])
    found = np.empty((len(FILLS), len(GUESSES), len(painted)))
    for number, fill in enumerate(FILLS):
        # Who is recognised at the first guess is so at five and at ten: one game tells of all three.
        rules = Rules(fill=fill, top_k=min(GUESSES))
        found[number] = after(play(looker, rules, photographs, classes, painted))
    by_place = found.reshape(len(FILLS), len(GUESSES), len(sources), len(STRATEGIES), players)
    return by_place.swapaxes(2, 3)


def after(played: Sequence[Played]) -> NDArray[np.float64]:
    """Bubbles, [guesses, rounds]."""
    return np.array([[one.recognised(k) or np.inf for one in played] for k in GUESSES])


def curves(found: Recognised) -> Iterator[Curve]:
    """Shares of rounds within ten bubbles, twenty, and so on.

    Players of one photograph are alike: intervals are percentiles over photographs drawn anew, the same for
    all shares.
    """
    within = np.array(counts(Rules()))
    number = found.shape[3]
    # how much of a mean each photograph is, in each draw
    weights = np.random.default_rng(0).multinomial(number, np.full(number, 1 / number), DRAWS) / number
    for s, strategy in enumerate(STRATEGIES):
        for f, fill in enumerate(FILLS):
            for g, guesses in enumerate(GUESSES):
                # [photographs, bubbles]: the share of a photograph's players
                shares = (found[f, g, s][..., None] <= within).mean(axis=1)
                low, high = np.percentile(weights @ shares, (2.5, 97.5), axis=0)
                rows = zip(within.tolist(), shares.mean(axis=0), low, high, strict=True)
                yield Curve(strategy, fill, guesses, tuple(Share(b, *map(float, row)) for b, *row in rows))


def table(study: Fills) -> Iterator[str]:
    """Lines of Markdown: shares in %, a row for each curve."""
    within = [share.bubbles for share in study.curves[0].shares]
    yield "| player | fill | k | " + " | ".join(map(str, within)) + f" | 95 % interval at {within[-1]} |"
    yield "|---|---|---" + "|---" * (len(within) + 1) + "|"
    for curve in study.curves:
        cells = " | ".join(percent(share.share) for share in curve.shares)
        last = curve.shares[-1]
        yield (
            f"| {curve.strategy} | {curve.fill} | {curve.top_k} | {cells} "
            f"| {percent(last.low)} to {percent(last.high)} |"
        )


def percent(share: float) -> str:
    return f"{100 * share:.0f}"
