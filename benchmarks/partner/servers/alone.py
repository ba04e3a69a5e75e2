"""onnxruntime alone: nothing but its own loop. `python -m benchmarks.partner.servers.alone MODEL`

Answers lines of stdin as the programs of `drive` do. Of three ways the quickest counts: a session as
onnxruntime makes it, one whose threads sleep while they wait instead of spinning, and a loop on each core,
around a session without threads of its own.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from clickme_partner.cores import usable_cores

VIEWS = np.random.default_rng(0).integers(0, 256, (16, 224, 224, 3), np.uint8)

Look = Callable[[dict[str, NDArray[np.uint8]]], object]


def session(model: Path, *, spinning: bool = False, threads: int = 0) -> Look:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    made = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return partial(made.run, ["logits"])


def views_per_s(look: Look, loops: int, batch: int, seconds: float) -> float:
    """Of so many loops at once."""

    def loop(until: float) -> int:
        done = 0
        while time.perf_counter() < until:
            look({"image": VIEWS[:batch]})
            done += 1
        return done

    look({"image": VIEWS[:batch]})
    with ThreadPoolExecutor(loops) as threads:
        began = time.perf_counter()
        done = sum(threads.map(loop, [began + seconds] * loops))
        return done * batch / (time.perf_counter() - began)


def lone(look: Look, looks: int, pause: float) -> list[float]:
    """How long each of so many looks at one view takes, ms."""
    waited = []
    for _ in range(looks):
        time.sleep(pause)
        began = time.perf_counter()
        look({"image": VIEWS[:1]})
        waited.append(1000 * (time.perf_counter() - began))
    return waited


def main(model: Path) -> None:
    all_cores = [session(model, spinning=spinning) for spinning in (True, False)]
    cores = usable_cores()
    ways = [*((look, 1) for look in all_cores), (session(model, threads=1), cores)]
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "looks" in asked:
            found: object = min((lone(look, **asked) for look in all_cores), key=statistics.median)
        else:
            found = max(views_per_s(*way, **asked) for way in ways)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
