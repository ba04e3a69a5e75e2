"""The pace that a machine likes, on partners that take a known time."""

import json
import threading
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


class Clock:
    """Stands still but for looks."""

    def __init__(self) -> None:
        self.now = 0.0
        self._going = threading.Lock()

    def go_on(self, seconds: float) -> None:
        with self._going:
            self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", lambda: clock.now)
    return clock


class Timed:
    """Takes `fixed` s for a batch and `each` s for a view of it, of time that so many looks `share`."""

    version = "timed@test"

    def __init__(self, clock: Clock, fixed: float, each: Callable[[int], float], share: int = 1) -> None:
        self.clock, self.fixed, self.each, self.share = clock, fixed, each, share

    def logits(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.clock.go_on((self.fixed + len(views) * self.each(len(views))) / self.share)
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
    fixed: float, each: Callable[[int], float], batch: int, clock: Clock
) -> None:
    found = measure(Timed(clock, fixed, each))
    assert (found.batch, found.looks) == (batch, 1)
    assert found.views_per_s == pytest.approx(batch / (fixed + batch * each(batch)), rel=0.01)


@pytest.mark.parametrize(
    ("alone", "beside", "looks"),
    [
        (0.020, 0.060, 4),  # a core each is quicker: 15 ms a view
        (0.020, 0.084, 4),  # about as fast is fast enough
        (0.020, 0.088, 1),  # one at a time is quicker
    ],
)
def test_looks_have_a_core_each_where_that_is_as_fast(
    alone: float, beside: float, looks: int, clock: Clock
) -> None:
    all_cores, one_core = Timed(clock, 0, lambda n: alone), Timed(clock, 0, lambda n: beside, share=4)
    found = measure(all_cores, one_core, 4)
    assert (found.batch, found.looks) == (1, looks)
    assert found.views_per_s == pytest.approx(4 / beside if looks == 4 else 1 / alone, rel=0.01)


@pytest.mark.parametrize(
    ("provider", "cores", "alone"), [("CUDA", 4, True), ("CPU", 1, True), ("CPU", 4, False)]
)
def test_only_cores_are_shared_out(
    provider: str,
    cores: int,
    alone: bool,
    tiny: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[object, ...]] = []

    def measured(*lookers: object) -> Pace:
        asked.append(lookers)
        return Pace(1, 1, 1.0)

    session = Session(tiny("NHWC", kind=TensorProto.UINT8))
    session.provider = f"{provider}ExecutionProvider"
    monkeypatch.setattr(pace, "usable_cores", lambda: cores)
    monkeypatch.setattr(pace, "measure", measured)
    remembered(session, tmp_path)
    assert [len(lookers) == 1 for lookers in asked] == [alone]


def test_it_is_measured_once_for_a_model_and_again_when_what_was_written_is_damaged(
    tiny: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(tiny("NHWC", kind=TensorProto.UINT8))
    first = remembered(session, tmp_path)
    monkeypatch.setattr(pace, "measure", lambda *lookers: Pace(99, 1, 1.0))
    assert remembered(session, tmp_path) == first
    file = tmp_path / "pace.json"
    assert [entry["batch"] for entry in json.loads(file.read_text()).values()] == [first.batch]
    file.write_text("{")
    assert remembered(session, tmp_path).batch == 99
    monkeypatch.setattr(pace, "ONNXRUNTIME", "another")
    monkeypatch.setattr(pace, "measure", lambda *lookers: Pace(7, 1, 1.0))
    assert remembered(session, tmp_path).batch == 7
    assert len(json.loads(file.read_text())) == 2
