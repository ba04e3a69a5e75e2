"""Makes a partner quicker, and keeps the quicker form only where nobody who plays would miss the plain one.

A form is made with half of the bundled photographs and held against the plain partner on the other half: on
whole photographs and in rounds of code players, side by side on this machine.
"""

import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from clickme.game.rules import Rules
from clickme.kit.problems import Problem
from clickme.partners.bundled import BATCH, bundled, named, score, whole
from clickme.partners.rounds import Look, counts, paint, places, views
from clickme_partner.errors import PartnerError
from clickme_partner.looks import Looker
from clickme_partner.optimise import form_for, optimised
from clickme_partner.published import Report
from clickme_partner.registry import Installed, Judgement, Measured, keep_form, measured, plain
from clickme_partner.session import Session

RULES: Final = Rules()
STEP: Final = 20  # bubbles: seven looks a round. With few, luck decides which of both sees the right one
TURNS: Final = 5  # at a batch, against the clock


@dataclass(frozen=True)
class Demands:
    """What a form has to do. Shares are in [0, 1]."""

    in_top5: float = 0.98  # five guesses count: what the plain one would say first is then hardly ever lost
    first_equal: float = 0.80  # below, it is another network: 8-bit products that overflow gave 0.63
    rounds_lost: float = 0.05  # of all rounds, 1 of 32: of 132 rounds ResNet-50 lost none in 8 bits
    photographs_lost: int = 1  # from the first five of the bundled ones: one may stand on the brink
    times_as_fast: float = 1.1  # less could be the machine's mood, and is not worth a second file


DEMANDS: Final = Demands()


@dataclass(frozen=True)
class Beliefs:
    """What both say of the same views: logits, float32 [n, 1000] each."""

    plain: NDArray[np.float32]
    form: NDArray[np.float32]

    def of(self, views: slice | NDArray[np.integer]) -> "Beliefs":
        """Of some of the views."""
        return Beliefs(self.plain[views], self.form[views])

    def first_equal(self) -> float:
        """The share of views of which both have the same first guess."""
        return float((self.plain.argmax(axis=1) == self.form.argmax(axis=1)).mean())

    def in_top5(self) -> float:
        """The share of views of which the form's first five guesses hold the plain first one."""
        first_five = np.argsort(-self.form, axis=1, kind="stable")[:, :5]
        return float((first_five == self.plain.argmax(axis=1)[:, None]).any(axis=1).mean())


@dataclass(frozen=True)
class Found:
    """How a form did beside the plain partner. `first_equal` is over whole and bubbled views together."""

    judgement: Judgement
    first_equal: float
    plain: Measured
    form: Measured


def optimise(folder: Path, report: Report, demands: Demands | None = None) -> Installed:
    """Make the form of the plain partner in `folder` that suits this machine; keep and use it if it passes.

    Takes less than a minute on two cores. Raises Problem `no_partner`, and `not_kept`, which says where the
    form fell short: then everything is as it was. PartnerError as `clickme_partner.optimise` and the registry
    raise it.
    """
    source = plain(folder)
    if source is None:
        raise Problem("no_partner", "There is no partner to optimise: type `clickme partner install`.")
    photographs, classes = bundled()
    session = Session(source.path, version=source.version)
    made = form_for(session.provider)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".form-") as temporary:
        file = Path(temporary, "form.onnx")
        report(f"making the {made} form of {source.name}")
        optimised(source.path, file, made, calibration(photographs[1::2]))
        found = judge(session, Session(file), photographs, classes, report)
        short = list(shortcomings(found, demands or DEMANDS))
        if short:
            raise Problem("not_kept", f"The {made} form of {source.name} is not kept: {'; '.join(short)}.")
        kept = keep_form(folder, file, made, source, found.judgement)
    measured(folder, source, found.plain)
    return measured(folder, kept, found.form)


def quickest(folder: Path, partner: Installed, report: Report) -> Installed:
    """The quicker form of the partner in use if it passes; else the partner as it is, measured."""
    try:
        return optimise(folder, report)
    except (Problem, PartnerError) as problem:
        report(f"{problem.message} Going on with the plain one.")
        return measure_plain(folder, partner)


def measure_plain(folder: Path, partner: Installed) -> Installed:
    """Put on a partner's card how many of the bundled photographs it names."""
    return measured(folder, partner, score(Session(partner.path, version=partner.version), *bundled()))


def calibration(photographs: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Views to read ranges off: each photograph whole, and early and late in a round of each strategy.

    From uint8 [N, 256, 256, 3] to uint8 [5 N, 224, 224, 3].
    """
    painted = paint(RULES, photographs)
    looks = [Look(one, count) for one in painted for count in (RULES.most_bubbles // 4, RULES.most_bubbles)]
    return np.concatenate([whole(photographs), *views(RULES, photographs, looks)])


def judge(
    plain: Session,
    form: Session,
    photographs: NDArray[np.uint8],
    classes: NDArray[np.integer],
    report: Report,
) -> Found:
    """Hold a form against the plain partner.

    `photographs` uint8 [N, 256, 256, 3] with their `classes` int [N] are the bundled ones: every other, from
    the first, was not calibrated on, and is what agreement and rounds are judged by.
    """
    number = len(photographs)
    painted = paint(RULES, photographs[::2])
    looks = [Look(one, count) for one in painted for count in counts(RULES, STEP)]
    shown = chain(batches(whole(photographs)), views(RULES, photographs[::2], looks))
    said = asked(plain, form, shown, number + len(looks), report)
    on_whole, on_bubbled = said.of(slice(0, number, 2)), said.of(slice(number, None))
    unseen = said.of(np.r_[0:number:2, number : number + len(looks)])
    wanted = [int(classes[::2][look.painted.photograph]) for look in looks]
    report("timing both, side by side")
    speeds = race(plain, form, whole(photographs[:BATCH]))
    judgement = Judgement(
        views=len(unseen.plain),
        first_equal_whole=on_whole.first_equal(),
        first_equal_bubbled=on_bubbled.first_equal(),
        in_top5=unseen.in_top5(),
        rounds=len(painted),
        recognised_plain=recognised(on_bubbled.plain, wanted, len(painted)),
        recognised_form=recognised(on_bubbled.form, wanted, len(painted)),
        views_per_s_plain=speeds[0],
        views_per_s_form=speeds[1],
        batch=BATCH,
        provider=form.provider,
        onnxruntime=onnxruntime.__version__,
    )
    of_whole = said.of(slice(number))
    return Found(
        judgement, unseen.first_equal(), named(of_whole.plain, classes), named(of_whole.form, classes)
    )


def batches(shown: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    return (shown[start : start + BATCH] for start in range(0, len(shown), BATCH))


def asked(
    plain: Looker, form: Looker, shown: Iterable[NDArray[np.uint8]], views: int, report: Report
) -> Beliefs:
    """What both say of the same batches, `views` in all."""
    said: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    done = 0
    report("holding it against the plain one")
    for rows in shown:
        said.append((plain.logits(rows), form.logits(rows)))
        done += len(rows)
        report("holding it against the plain one", done / views)
    of_plain, of_form = zip(*said, strict=True)
    return Beliefs(np.concatenate(of_plain), np.concatenate(of_form))


def recognised(logits: NDArray[np.float32], wanted: list[int], rounds: int) -> int:
    """How many of the rounds, whose looks follow each other, were recognised at any look."""
    at = np.array(places([logits], wanted)).reshape(rounds, -1)
    return int((at <= RULES.top_k).any(axis=1).sum())


def race(plain: Looker, form: Looker, batch: NDArray[np.uint8]) -> tuple[float, float]:
    """Views/s of both, by the medians of looks at the same batch in turns: what else runs here hits both."""
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(1 + TURNS):
        for looker, times in zip((plain, form), took, strict=True):
            began = time.perf_counter()
            looker.logits(batch)
            times.append(time.perf_counter() - began)
    # The first look lays out memory.
    of_plain, of_form = (len(batch) / statistics.median(times[1:]) for times in took)
    return of_plain, of_form


def shortcomings(found: Found, demands: Demands) -> Iterator[str]:
    """Where a form falls short, each in words with its numbers; none where it passes."""
    judged = found.judgement
    if judged.in_top5 < demands.in_top5:
        yield (
            f"its first five guesses hold the plain first one on {judged.in_top5:.1%} of {judged.views} "
            f"views, and {demands.in_top5:.0%} are asked for"
        )
    if found.first_equal < demands.first_equal:
        yield (
            f"its first guess is the plain one on {found.first_equal:.1%} of {judged.views} views, and "
            f"{demands.first_equal:.0%} are asked for"
        )
    if judged.recognised_plain - judged.recognised_form > demands.rounds_lost * judged.rounds:
        yield (
            f"it recognises {judged.recognised_form} of {judged.rounds} rounds and the plain one "
            f"{judged.recognised_plain}, and {demands.rounds_lost:.0%} of them may be lost"
        )
    if found.plain.top5 - found.form.top5 > demands.photographs_lost:
        yield (
            f"its first five guesses hold {found.form.top5} of {found.form.photographs} photographs and the "
            f"plain ones {found.plain.top5}, and {demands.photographs_lost} may be lost"
        )
    if judged.views_per_s_form < demands.times_as_fast * judged.views_per_s_plain:
        yield (
            f"it looks at {judged.views_per_s_form:.0f} views/s and the plain one at "
            f"{judged.views_per_s_plain:.0f}, and {demands.times_as_fast:g} times as many are asked for"
        )
