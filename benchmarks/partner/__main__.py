"""How quickly the partner answers, beside other ways of serving it.

    python -m benchmarks.partner [--forms fp32,int8] [--systems bcde] [--rounds 1,2]
                                 [--seconds S] [--turns N] [--passes N]

On the same cores and the same ONNX file, each a program of its own, one at a time: (a) onnxruntime alone,
the limit; (b) one FastAPI endpoint that runs the session for each request; (c) LitServe with batching; (d)
`clickme partner serve`; (e) our engine in the process of the game. Simulated rounds show a new view each
50 ms. In each turn every system starts anew, in another order.

Prints Markdown on stdout, and on stderr what is being measured.
"""

import argparse
import random
import signal
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from clickme_partner.published import Report

from . import forms
from .forms import Form
from .measure import Found
from .report import report as pieces
from .results import Results
from .systems import ALONE, BATCHED, LITSERVE, SYSTEMS, Asked, Tuned, running

BATCHES = (1, 2, 4, 8, 16)
TIMEOUTS = (0.0, 0.001, 0.005, 0.01)  # s, that LitServe is tried with
TRIED = 8  # rounds, when it is
LOOKS = 15  # lone views, each turn
PAUSE = 3  # between them, in lone looks
SATURATING = 32  # rounds, when all are compared side by side
PASS_S = 5.0  # s, of each in a pass
EACH = 4  # verdicts a round while measured: fewer could not be shared out evenly


def main() -> None:
    chosen = arguments()
    if BATCHED in chosen.systems and not LITSERVE.exists():
        raise SystemExit("LitServe has an environment of its own: `make bench-partner` makes it.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # through the `finally`s: they end what was started
    console, began = Console(stderr=True, soft_wrap=True, highlight=False, markup=False), time.monotonic()

    def say(step: str, fraction: float | None = None) -> None:
        if fraction is None:
            console.print(f"{time.monotonic() - began:7.1f} s  {step}")

    with tempfile.TemporaryDirectory(prefix="clickme-bench-") as scratch:
        made = [forms.make(name, Path(scratch), say) for name in chosen.forms]
        results = compare(made, chosen, say)
    for piece in pieces(results):
        print(piece, end="\n\n")


def arguments() -> argparse.Namespace:
    def numbers(said: str) -> list[int]:
        return [int(number) for number in said.split(",")]

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.partner", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--forms", type=lambda said: said.split(","), default=list(forms.FORMS))
    parser.add_argument(
        "--systems", default="".join(SYSTEMS).replace(ALONE, ""), help="without a, which always runs"
    )
    parser.add_argument("--rounds", type=numbers, default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--seconds", type=float, default=3.0, help="of a measurement, at least")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--passes", type=int, default=6, help="in which all are compared side by side")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def compare(made: list[Form], chosen: argparse.Namespace, say: Report) -> Results:
    """Every system on every form, in each turn in another order."""
    results = Results()
    results.said += [
        f"clickme on {form.name}: {form.pace.looks} looks side by side, at {form.pace.batch} views each."
        for form in made
    ]
    limits = {form.name: limit(form, say) for form in made}
    tuned = {form.name: Tuned(limits[form.name].batch, 0.0) for form in made}
    if BATCHED in chosen.systems:
        for form in made:
            tuned[form.name] = tune(form, limits[form.name], say)
            results.said.append(f"LitServe on {form.name}: {tuned[form.name]}, the best of {TIMEOUTS}.")
    chance = random.Random(chosen.seed)
    everything = [(form, system) for form in made for system in [ALONE, *chosen.systems]]
    for turn in range(1, chosen.turns + 1):
        for form, system in chance.sample(everything, len(everything)):
            say(f"turn {turn} of {chosen.turns}: {form.name}, {SYSTEMS[system]}")
            with running(system, form, tuned[form.name]) as program:
                if system == ALONE:
                    alone(program, form, results, chosen.seconds)
                else:
                    numbers = chance.sample(chosen.rounds, len(chosen.rounds))
                    loaded(program, form, system, limits[form.name], numbers, chosen.seconds, results, say)
                looks = program(looks=LOOKS, pause=PAUSE * limits[form.name].look_s)
                results.lone[form.name, system].append(statistics.median(looks))
    saturate(
        [(form, s) for form, s in everything if s != BATCHED], limits, results, chosen.passes, chance, say
    )
    return results


def saturate(
    everything: list[tuple[Form, str]],
    limits: dict[str, "Limit"],
    results: Results,
    passes: int,
    chance: random.Random,
    say: Report,
) -> None:
    """All side by side, one at work at a time, and all in each pass: ratios are of one pass.

    What a machine gives varies more from minute to minute than systems differ.
    """
    with ExitStack() as stack:
        programs = {
            (form.name, system): stack.enter_context(running(system, form, Tuned(1, 0.0)))
            for form, system in everything
        }
        for number in range(1, passes + 1):
            say(f"side by side: pass {number} of {passes}")
            for form, system in chance.sample(list(programs), len(programs)):
                limit, program = limits[form], programs[form, system]
                if system == ALONE:
                    found = program(batch=limit.batch, seconds=PASS_S / 2)
                else:
                    warm = SATURATING / limit.per_s
                    found = Found(**program(rounds=SATURATING, warm=warm, seconds=PASS_S)).per_s
                results.saturated[form, system].append(found)
                say(f"    {form}, {SYSTEMS[system]}: {found:.1f} a second")


@dataclass(frozen=True)
class Limit:
    """What onnxruntime alone does with a form, to plan by: its best batch, views/s, and a lone look, s."""

    batch: int
    per_s: float
    look_s: float


def limit(form: Form, say: Report) -> Limit:
    say(f"the best batch: {form.name}")
    found = Results()
    with running(ALONE, form, Tuned(1, 0.0)) as program:
        alone(program, form, found, 2.0)
        looks = program(looks=LOOKS, pause=0.0)
    return Limit(*found.limit(form.name), look_s=statistics.median(looks) / 1000)


def tune(form: Form, limit: Limit, say: Report) -> Tuned:
    """LitServe with the time to wait for a batch that gives it the best p95 at a few rounds."""
    p95 = {}
    for timeout in TIMEOUTS:
        tuned = Tuned(limit.batch, timeout)
        with running(BATCHED, form, tuned) as program:
            p95[tuned] = Found(**program(rounds=TRIED, warm=1.0, seconds=2.0)).p95
        say(f"{form.name}, LitServe, {tuned}: p95 {p95[tuned]:.0f} ms")
    return min(p95, key=lambda tuned: p95[tuned])


def alone(program: Asked, form: Form, results: Results, seconds: float) -> None:
    for batch in BATCHES:
        results.alone[form.name, batch].append(program(batch=batch, seconds=seconds / 3))


def loaded(
    program: Asked,
    form: Form,
    system: str,
    limit: Limit,
    numbers: list[int],
    seconds: float,
    results: Results,
    say: Report,
) -> None:
    """A system under each number of rounds, between two looks at its memory."""
    most = max(numbers)
    program(rounds=most, warm=0.0, seconds=max(2.0, 2 * most / limit.per_s))
    results.before[form.name, system].append(program.memory())
    for rounds in numbers:
        program(looks=1, pause=0.0)  # what is still under way from the last number of rounds is over then
        cycle = rounds / limit.per_s  # s, in which every round can have a verdict
        asked = {"rounds": rounds, "warm": max(0.5, cycle), "seconds": max(seconds, EACH * cycle)}
        found = Found(**program(**asked))
        results.points[form.name, system, rounds].append(found)
        say(f"    {rounds} rounds: {found.per_s:.1f} a second, p95 {found.p95:.0f} ms, Jain {found.jain:.3f}")
    results.after[form.name, system].append(program.memory())


if __name__ == "__main__":
    main()
