"""Class activation maps: they add up to the logits, on a network made by hand and on the real ones."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import clickme.catalogue
from clickme_partner.errors import PartnerError
from clickme_partner.evidence import BATCH, Evidence
from clickme_partner.session import Session
from clickme_partner.view import CROP

DEMO = Path(clickme.catalogue.__file__).parent / "demo"
WEIGHTS = np.random.default_rng(1).normal(size=(1000, 3)).astype(np.float32)
BIAS = np.random.default_rng(2).normal(size=1000).astype(np.float32)
VIEWS = np.random.default_rng(3).integers(0, 256, (BATCH + 3, CROP, CROP, 3), dtype=np.uint8)
CLASSES = np.random.default_rng(4).integers(0, 1000, BATCH + 3)


def quarters(path: Path, *, transposed: bool, alpha: float = 1.0) -> Path:
    """Writes a partner whose features are the mean colours of the four quarters of a view."""
    weights = {"weights": WEIGHTS if transposed else np.ascontiguousarray(WEIGHTS.T), "bias": BIAS}
    nodes = [
        helper.make_node("Cast", ["image"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["number"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["planes"], ["places"], kernel_shape=[112, 112], strides=[112, 112]),
        helper.make_node("GlobalAveragePool", ["places"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node(
            "Gemm", ["flat", "weights", "bias"], ["scores"], transB=int(transposed), alpha=alpha
        ),
        helper.make_node("Identity", ["scores"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "quarters",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", CROP, CROP, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 1000])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


@pytest.mark.parametrize(("transposed", "alpha"), [(True, 1.0), (False, 1.0), (True, 0.5)])
def test_a_map_is_the_features_of_each_place_as_the_class_weighs_them(
    tmp_path: Path, transposed: bool, alpha: float
) -> None:
    evidence = Evidence(quarters(tmp_path / "quarters.onnx", transposed=transposed, alpha=alpha))

    maps = evidence.maps(VIEWS, CLASSES)

    colours = VIEWS.astype(np.float64).reshape(-1, 2, 112, 2, 112, 3).mean(axis=(2, 4))
    expected = alpha * (colours * WEIGHTS[CLASSES][:, None, None]).sum(axis=-1)
    assert maps.dtype == np.float32
    assert maps.shape == (BATCH + 3, 2, 2)
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(evidence.bias, BIAS)


@pytest.mark.parametrize("partner", ["resnet50", "resnet18"])
def test_the_mean_over_places_is_the_logit_but_for_the_bias(
    partner: str, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(partner).path
    files = sorted(DEMO.glob("*.jpg"))[:3]
    views = np.stack([np.asarray(Image.open(file).convert("RGB").resize((CROP, CROP))) for file in files])
    classes = np.array([1, 7, 999])
    with closing(Session(path)) as engine:
        logits = engine.logits(views)[np.arange(3), classes]

    evidence = Evidence(path)
    maps = evidence.maps(views, classes)

    assert maps.shape == (3, 7, 7)
    summed = maps.mean(axis=(1, 2), dtype=np.float64) + evidence.bias[classes]
    np.testing.assert_allclose(summed, logits, rtol=1e-4, atol=1e-4)


def test_a_network_of_another_shape_is_refused(tiny: Callable[..., Path]) -> None:
    path = tiny("NHWC", kind=TensorProto.UINT8)
    with pytest.raises(PartnerError, match="does not end in global average pooling") as refused:
        Evidence(path)
    assert refused.value.code == "no_evidence"


def test_what_is_no_partner_is_refused_as_the_engine_does(tmp_path: Path) -> None:
    with pytest.raises(PartnerError) as refused:
        Evidence(tmp_path / "nothing.onnx")
    assert refused.value.code == "no_model"
