"""The pace that this machine likes: with the fewest views at once, about as fast as the partner gets."""

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime

from clickme_partner.cores import usable_cores
from clickme_partner.looks import Looker
from clickme_partner.session import PROCESSOR, Session
from clickme_partner.view import CROP, MEAN_COLOUR

SIZES: Final = (1, 2, 4, 8, 16, 32, 64)
ENOUGH: Final = 0.95  # of the best speed: a smaller batch answers sooner
GAIN: Final = 1.02  # a larger batch that brings less than this brings nothing
LONGEST_S: Final = 0.5  # that a look may take: nobody's stroke has its answer sooner
LOOKS: Final = 3  # in a turn, of each thread
TURNS: Final = 2  # of each size, at least
SECONDS: Final = 0.1  # of each size, at least
NOTES: Final = "pace.json"


ONNXRUNTIME: Final = onnxruntime.__version__


@dataclass(frozen=True)
class Pace:
    """`looks` run side by side, at `batch` views each at most, and get through `views_per_s` in all."""

    batch: int
    looks: int
    views_per_s: float


def remembered(session: Session, folder: Path) -> Pace:
    """The pace of a session, measured once for this model, provider, cores and onnxruntime."""
    return _read(folder / NOTES).get(_key(session)) or remember(session, folder)


def remember(session: Session, folder: Path) -> Pace:
    """Measure the pace of a session, anew, and remember it."""
    cores = usable_cores()
    if session.provider == PROCESSOR and cores > 1:
        pace = measure(session, session.on_one_core(), cores)
    else:
        pace = measure(session)
    # Another process may do the same just now; whoever is last is as right as the other.
    known = _read(folder / NOTES) | {_key(session): pace}
    new = folder / f".{NOTES}-{os.getpid()}"
    with suppress(OSError):  # where nothing can be written, it is measured each time
        new.write_text(json.dumps({name: asdict(each) for name, each in known.items()}, indent=2) + "\n")
        new.replace(folder / NOTES)
    return pace


def _key(session: Session) -> str:
    return f"{session.path.stem} {session.provider} {usable_cores()} cores, onnxruntime {ONNXRUNTIME}"


def _read(file: Path) -> dict[str, Pace]:
    """What is remembered; nothing where it cannot be read."""
    try:
        return {
            name: Pace(int(pace["batch"]), int(pace["looks"]), float(pace["views_per_s"]))
            for name, pace in json.loads(file.read_text()).items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def measure(looker: Looker, on_one_core: Looker | None = None, cores: int = 1) -> Pace:
    """Try looks of `looker`, one at a time, and such with a core each, where there is who does them so.

    As fast is fast enough for those: views are then composed side by side as well.
    """
    one_at_a_time = _best(looker, 1)
    if on_one_core is None:
        return one_at_a_time
    side_by_side = _best(on_one_core, cores)
    return side_by_side if side_by_side.views_per_s >= ENOUGH * one_at_a_time.views_per_s else one_at_a_time


def _best(looker: Looker, looks: int) -> Pace:
    """Try batches of growing sizes, until two in a row bring nothing more or the next takes too long."""
    speeds: dict[int, float] = {}
    with ThreadPoolExecutor(looks) as threads:
        for size in SIZES:
            speeds[size] = _speed(looker, size, looks, threads)
            *before, last_but_one, last = 0.0, *speeds.values()
            if any(before) and max(last_but_one, last) < GAIN * max(before):
                break
            if 2 * size * looks / last > LONGEST_S:
                break
    best = max(speeds.values())
    batch = next(size for size, speed in speeds.items() if speed >= ENOUGH * best)
    return Pace(batch, looks, round(speeds[batch], 1))


def _speed(looker: Looker, size: int, looks: int, threads: ThreadPoolExecutor) -> float:
    """Views/s in the quickest of a few turns, which others on the machine have disturbed least.

    In a turn so many threads look side by side, and go on to the next look without waiting for each other.
    """
    views = np.broadcast_to(MEAN_COLOUR, (size, CROP, CROP, 3)).copy()
    turn = [views] * looks * LOOKS
    list(threads.map(looker.logits, turn[:looks]))  # lays out memory
    took: list[float] = []
    while len(took) < TURNS or sum(took) < SECONDS:
        began = time.perf_counter()
        list(threads.map(looker.logits, turn))
        took.append(time.perf_counter() - began)
    return size * len(turn) / min(took)
