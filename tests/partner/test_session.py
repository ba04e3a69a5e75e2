"""A partner in this process: what it refuses, what it answers, and that it never looks without end."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from clickme_partner.errors import PartnerError
from clickme_partner.session import Session, providers

Tiny = Callable[..., Path]
VIEWS = np.random.default_rng(3).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)


@pytest.fixture
def partner(tiny: Tiny) -> Path:
    return tiny("NHWC", kind=TensorProto.UINT8)


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """A partner that goes round in circles where a view begins in white, and else believes in nothing."""
    counted = helper.make_graph(
        [
            helper.make_node("Identity", ["go_on"], ["still"]),
            helper.make_node("MatMul", ["carried", "carried"], ["next"]),
        ],
        "circle",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("carried", TensorProto.FLOAT, [8, 8]),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("next", TensorProto.FLOAT, [8, 8]),
        ],
    )
    nodes = [
        helper.make_node("Slice", ["image", "zeros", "ones"], ["corner"]),
        helper.make_node("ReduceMax", ["corner"], ["brightest"], keepdims=0),
        helper.make_node("Cast", ["brightest"], ["bright"], to=TensorProto.INT32),
        helper.make_node("Equal", ["bright", "white"], ["forever"]),
        helper.make_node("Loop", ["", "forever", "start"], ["end"], body=counted),
        helper.make_node("ReduceSum", ["end"], ["sum"], keepdims=0),
        helper.make_node("Shape", ["image"], ["n"], start=0, end=1),
        helper.make_node("Concat", ["n", "classes"], ["shape"], axis=0),
        helper.make_node("Mul", ["sum", "zero"], ["nothing"]),
        helper.make_node("Expand", ["nothing", "shape"], ["logits"]),
    ]
    constants: dict[str, npt.NDArray[Any]] = {
        "zeros": np.zeros(4, np.int64),
        "ones": np.ones(4, np.int64),
        "white": np.array(255, np.int32),
        "start": np.zeros((8, 8), np.float32),
        "classes": np.array([1000], np.int64),
        "zero": np.array(0, np.float32),
    }
    graph = helper.make_graph(
        nodes,
        "endless",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", 224, 224, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1000])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    path = tmp_path / "endless.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def test_it_answers_what_the_graph_says(
    partner: Path, answer: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
) -> None:
    logits = Session(partner).logits(VIEWS)
    assert logits.dtype == np.float32
    assert logits.shape == (3, 1000)
    np.testing.assert_allclose(logits, answer(VIEWS.astype(np.float64)), rtol=1e-4, atol=1e-3)


def test_no_file_and_no_model_are_said_so(tmp_path: Path, partner: Path) -> None:
    with pytest.raises(PartnerError) as error:
        Session(tmp_path / "nothing.onnx")
    assert error.value.code == "no_model"
    for damage in (b"", b"not a model", partner.read_bytes()[:-100]):
        corrupt = tmp_path / "corrupt.onnx"
        corrupt.write_bytes(damage)
        with pytest.raises(PartnerError) as error:
            Session(corrupt)
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
        Session(tiny(**{"layout": "NHWC", "kind": TensorProto.UINT8} | other))
    assert error.value.code == "not_a_partner"


def test_a_look_without_end_is_broken_off_and_the_next_one_is_sound(endless: Path) -> None:
    session = Session(endless, bound_s=1.0)
    calm = np.zeros((2, 224, 224, 3), np.uint8)
    assert not session.logits(calm).any()
    with pytest.raises(PartnerError) as error:
        session.logits(np.full((2, 224, 224, 3), 255, np.uint8))
    assert error.value.code == "hung"
    session.wake()
    assert session.logits(calm).shape == (2, 1000)


def test_looks_side_by_side_are_broken_off_each_in_its_own_time(endless: Path) -> None:
    session = Session(endless, bound_s=1.0)
    white, calm = np.full((1, 224, 224, 3), 255, np.uint8), np.zeros((1, 224, 224, 3), np.uint8)
    with ThreadPoolExecutor(2) as threads:
        # Four for two threads: the last two begin when the first are broken off.
        hung = [threads.submit(session.logits, white) for _ in range(4)]
        for each in hung:
            while not each.done():
                assert session.logits(calm).shape == (1, 1000)
            with pytest.raises(PartnerError) as error:
                each.result()
            assert error.value.code == "hung"


def test_the_processor_is_what_is_left_where_onnxruntime_offers_nothing_quicker(
    partner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Session(partner).provider in providers()
    offered = ["CPUExecutionProvider", "OtherExecutionProvider", "CUDAExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: offered)
    assert providers() == ("CUDAExecutionProvider", "CPUExecutionProvider")
