"""The engine on tiny partners: what it refuses, and what it answers."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from onnx import TensorProto

from clickme_partner.engine import Engine
from clickme_partner.errors import PartnerError

Tiny = Callable[..., Path]
VIEWS = np.random.default_rng(3).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)


@pytest.fixture
def partner(tiny: Tiny) -> Path:
    return tiny("NHWC", kind=TensorProto.UINT8)


def test_it_answers_what_the_graph_says(
    partner: Path, answer: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
) -> None:
    with closing(Engine(partner)) as engine:
        logits = engine.logits(VIEWS)
    assert logits.dtype == np.float32
    assert logits.shape == (3, 1000)
    np.testing.assert_allclose(logits, answer(VIEWS.astype(np.float64)), rtol=1e-4, atol=1e-3)


def test_the_top_comes_best_first(partner: Path) -> None:
    with closing(Engine(partner, threads=1)) as engine:
        order = np.argsort(engine.logits(VIEWS[:1])[0])[::-1].tolist()
        assert asyncio.run(engine.top(VIEWS[0])) == tuple(order[:5])
        assert asyncio.run(engine.top(VIEWS[0], k=12)) == tuple(order[:12])


def test_equal_beliefs_come_in_class_order(partner: Path) -> None:
    with closing(Engine(partner)) as engine:  # of a black view it believes 0 everywhere
        assert asyncio.run(engine.top(np.zeros((224, 224, 3), dtype=np.uint8))) == (0, 1, 2, 3, 4)


def test_the_event_loop_goes_on_while_it_looks(partner: Path) -> None:
    event_loop_went_on = threading.Event()

    class Patient(Engine):
        def logits(self, views: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
            assert event_loop_went_on.wait(10)
            return super().logits(views)

    async def play(engine: Engine) -> list[tuple[int, ...]]:
        looks = [asyncio.create_task(engine.top(view)) for view in VIEWS]
        await asyncio.sleep(0)
        event_loop_went_on.set()
        return await asyncio.gather(*looks)

    with closing(Patient(partner)) as engine:
        tops = asyncio.run(play(engine))
        assert tops == [asyncio.run(engine.top(view)) for view in VIEWS]


def test_no_file_and_no_model_are_said_so(tmp_path: Path, partner: Path) -> None:
    with pytest.raises(PartnerError) as error:
        Engine(tmp_path / "nothing.onnx")
    assert error.value.code == "no_model"
    for damage in (b"", b"not a model", partner.read_bytes()[:-100]):
        corrupt = tmp_path / "corrupt.onnx"
        corrupt.write_bytes(damage)
        with pytest.raises(PartnerError) as error:
            Engine(corrupt)
        assert error.value.code == "corrupt_model"
        assert "corrupt.onnx" in error.value.message


@pytest.mark.parametrize(
    "other",
    [
        {"layout": "NCHW"},
        {"kind": TensorProto.FLOAT},
        {"size": "side"},
        {"batch": 1},
        {"classes": 999},
        {"names": ("picture", "logits")},
        {"names": ("image", "scores")},
    ],
    ids=str,
)
def test_what_is_not_a_partner_is_refused(tiny: Tiny, other: dict[str, object]) -> None:
    with pytest.raises(PartnerError) as error:
        Engine(tiny(**{"layout": "NHWC", "kind": TensorProto.UINT8} | other))
    assert error.value.code == "not_a_partner"
