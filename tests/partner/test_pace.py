"""The batch that a machine likes, on partners that take a known time."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto

from clickme_partner import pace
from clickme_partner.pace import Pace, measure, remembered
from clickme_partner.session import Session


class Timed:
    """Takes `fixed` s for a batch and `each` s for a view of it, on a clock of its own."""

    version = "timed@test"

    def __init__(self, fixed: float, each: Callable[[int], float]) -> None:
        self.now, self.fixed, self.each = 0.0, fixed, each

    def logits(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.now += self.fixed + len(views) * self.each(len(views))
        return np.zeros((len(views), 1000), np.float32)

    def wake(self) -> None: ...

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("fixed", "each", "batch"),
    [
        (0.0, lambda n: 0.05, 1),  # company brings nothing: nobody waits for it
        (0.01, lambda n: 0.005, 32),  # the smallest within a twentieth of the best there is
        (0.05, lambda n: 0.05, 8),  # a larger one would take too long
        (0.1, lambda n: 0.001, 64),  # as on a GPU
        (0.0, lambda n: 0.005 if n == 4 else 0.008, 4),  # the second size is no better, and the third is
    ],
)
def test_the_smallest_batch_that_is_about_as_fast_as_it_gets(
    fixed: float, each: Callable[[int], float], batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looker = Timed(fixed, each)
    monkeypatch.setattr(time, "perf_counter", lambda: looker.now)
    found = measure(looker)
    assert found.batch == batch
    assert found.views_per_s == pytest.approx(batch / (fixed + batch * each(batch)), rel=0.01)


def test_it_is_measured_once_for_a_model_and_again_when_what_was_written_is_damaged(
    tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(tiny("NHWC", kind=TensorProto.UINT8))
    first = remembered(session, tmp_path)
    monkeypatch.setattr(pace, "measure", lambda looker: Pace(99, 1.0))
    assert remembered(session, tmp_path) == first
    file = tmp_path / "pace.json"
    assert [entry["batch"] for entry in json.loads(file.read_text()).values()] == [first.batch]
    file.write_text("{")
    assert remembered(session, tmp_path).batch == 99
    monkeypatch.setattr(pace, "ONNXRUNTIME", "another")
    monkeypatch.setattr(pace, "measure", lambda looker: Pace(7, 1.0))
    assert remembered(session, tmp_path).batch == 7
    assert len(json.loads(file.read_text())) == 2
