"""The batch that this machine likes: the smallest at which the partner is about as fast as it gets."""

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime

from clickme_partner.cores import usable_cores
from clickme_partner.looks import Looker
from clickme_partner.session import Session
from clickme_partner.view import CROP, MEAN_COLOUR

SIZES: Final = (1, 2, 4, 8, 16, 32, 64)
ENOUGH: Final = 0.95  # of the best speed: a smaller batch answers sooner
GAIN: Final = 1.02  # a larger batch that brings less than this brings nothing
LONGEST_S: Final = 0.5  # that a look may take: nobody's stroke has its answer sooner
TURNS: Final = 4  # of each size, at least
SECONDS: Final = 0.1  # of each size, at least
NOTES: Final = "pace.json"


ONNXRUNTIME: Final = onnxruntime.__version__


@dataclass(frozen=True)
class Pace:
    """`batch` is the most views to show at once, `views_per_s` how many it then looks at."""

    batch: int
    views_per_s: float


def remembered(session: Session, folder: Path) -> Pace:
    """The pace of a session, measured once for this model, provider, cores and onnxruntime."""
    return _read(folder / NOTES).get(_key(session)) or remember(session, folder)


def remember(session: Session, folder: Path) -> Pace:
    """Measure the pace of a session, anew, and remember it."""
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
            name: Pace(int(pace["batch"]), float(pace["views_per_s"]))
            for name, pace in json.loads(file.read_text()).items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def measure(looker: Looker) -> Pace:
    """Try batches of growing sizes, until two in a row bring nothing more or the next takes too long."""
    speeds: dict[int, float] = {}
    for size in SIZES:
        speeds[size] = _speed(looker, size)
        *before, last_but_one, last = 0.0, *speeds.values()
        if any(before) and max(last_but_one, last) < GAIN * max(before):
            break
        if 2 * size / last > LONGEST_S:
            break
    best = max(speeds.values())
    batch = next(size for size, speed in speeds.items() if speed >= ENOUGH * best)
    return Pace(batch, round(speeds[batch], 1))


def _speed(looker: Looker, size: int) -> float:
    """Views/s in the quickest of a few looks, which others on the machine have disturbed least."""
    views = np.broadcast_to(MEAN_COLOUR, (size, CROP, CROP, 3)).copy()
    looker.logits(views)  # lays out memory
    took: list[float] = []
    while len(took) < TURNS or sum(took) < SECONDS:
        began = time.perf_counter()
        looker.logits(views)
        took.append(time.perf_counter() - began)
    return size / min(took)
