"""Looks side by side: who gets all cores, who gets one, and that it is one partner to all who ask."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from onnx import TensorProto

from clickme_partner import pace
from clickme_partner.errors import PartnerError
from clickme_partner.pace import Pace
from clickme_partner.session import Session
from clickme_partner.side_by_side import SideBySide, at_its_pace
from held_partner import Held

VIEWS = np.random.default_rng(3).integers(0, 256, (12, 1, 224, 224, 3), dtype=np.uint8)


class Pair:
    """A partner in both its forms, and looks at it that can be begun and let end."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self.all_cores, self.one_core = Held(), Held()
        self.partner = SideBySide(self.all_cores, self.one_core)
        self.threads = threads

    def begin(self, held: Held) -> "Future[npt.NDArray[np.float32]]":
        """A look, which `held` is to do."""
        look = self.threads.submit(self.partner.logits, VIEWS[0])
        assert held.looking.acquire(timeout=30)
        return look


@pytest.fixture
def pair() -> Iterator[Pair]:
    with ThreadPoolExecutor(3) as threads:
        pair = Pair(threads)
        yield pair
        pair.partner.close()  # lets all looks end


def test_a_look_that_is_alone_has_all_cores_and_others_have_one_each(pair: Pair) -> None:
    first = pair.begin(pair.all_cores)
    second, third = pair.begin(pair.one_core), pair.begin(pair.one_core)
    pair.all_cores.lets.release()
    first.result(30)
    fourth = pair.begin(pair.one_core)  # two are looking still
    pair.one_core.lets.release(3)
    for look in (second, third, fourth):
        look.result(30)
    pair.begin(pair.all_cores)


def test_a_look_that_fails_is_over(pair: Pair) -> None:
    pair.all_cores.failing = "failed"
    look = pair.begin(pair.all_cores)
    pair.all_cores.lets.release()
    with pytest.raises(PartnerError):
        look.result(30)
    pair.begin(pair.all_cores)


@pytest.mark.parametrize("asleep", ["all_cores", "one_core"])
def test_it_is_awake_when_it_can_look_in_either_way(pair: Pair, asleep: str) -> None:
    pair.partner.wake()
    getattr(pair, asleep).awake = False
    with pytest.raises(PartnerError):
        pair.partner.wake()


@pytest.mark.parametrize(("looks", "kind"), [(1, Session), (3, SideBySide)])
def test_the_pace_decides_and_it_says_the_same_in_either_way(
    looks: int, kind: type, tiny: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "measure", lambda *lookers: Pace(1, looks, 1.0))
    path = tiny("NHWC", kind=TensorProto.UINT8)
    partner, found = at_its_pace(path, "tiny@abc")
    assert isinstance(partner, kind)
    assert (partner.version, found.looks) == ("tiny@abc", looks)
    with ThreadPoolExecutor(3) as threads:
        said = list(threads.map(partner.logits, VIEWS))
    np.testing.assert_allclose(said, [Session(path).logits(view) for view in VIEWS], rtol=1e-5)
    partner.close()
