"""onnxruntime alone: nothing but its own loop. `python -m benchmarks.partner.servers.alone MODEL`

Answers lines of stdin as the programs of `drive` do. Of two sessions the quicker counts: one as onnxruntime
makes it, and one whose threads sleep while they wait instead of spinning.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

VIEWS = np.random.default_rng(0).integers(0, 256, (16, 224, 224, 3), np.uint8)

Look = Callable[[dict[str, NDArray[np.uint8]]], object]


def session(model: Path, *, spinning: bool) -> Look:
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    made = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return partial(made.run, ["logits"])


def views_per_s(look: Look, batch: int, seconds: float) -> float:
    look({"image": VIEWS[:batch]})
    began, done = time.perf_counter(), 0
    while time.perf_counter() < began + seconds:
        look({"image": VIEWS[:batch]})
        done += 1
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
    looks = [session(model, spinning=spinning) for spinning in (True, False)]
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if "looks" in asked:
            found: object = min((lone(look, **asked) for look in looks), key=statistics.median)
        else:
            found = max(views_per_s(look, **asked) for look in looks)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
