"""A partner of a few layers, which a form can be made of in a moment."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from clickme.settings import Settings
from clickme_partner.install import install
from clickme_partner.registry import Installed
from conftest import quiet


@pytest.fixture(scope="session")
def few_layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A convolution of 16 px patches, their mean, and one linear layer: classes are colours and edges."""
    chance = np.random.default_rng(2)
    weights = {
        "mean": np.array([123.7, 116.3, 103.5], np.float32),
        "scale": np.array(1 / 58, np.float32),
        "patches": chance.normal(0, 0.05, (32, 3, 16, 16)).astype(np.float32),
        "heights": np.zeros(32, np.float32),
        "classes": chance.normal(0, 1, (1000, 32)).astype(np.float32),
        "bias": np.zeros(1000, np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["number", "mean"], ["centred"]),
        helper.make_node("Mul", ["centred", "scale"], ["scaled"]),
        helper.make_node("Transpose", ["scaled"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node(
            "Conv", ["planes", "patches", "heights"], ["places"], kernel_shape=[16, 16], strides=[16, 16]
        ),
        helper.make_node("Relu", ["places"], ["active"]),
        helper.make_node("GlobalAveragePool", ["active"], ["averaged"]),
        helper.make_node("Flatten", ["averaged"], ["flat"]),
        helper.make_node("Gemm", ["flat", "classes", "bias"], ["logits"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "few-layers",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 224, 224, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 1000])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    path = tmp_path_factory.mktemp("few-layers") / "few-layers.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture(scope="session")
def put(few_layers: Path) -> Callable[[Path], Installed]:
    """Installs it in a folder, plain and unmeasured."""

    def into(folder: Path) -> Installed:
        return install(
            None,
            file=few_layers,
            normalisation="inside",
            folder=folder,
            cache=Settings().cache,
            report=quiet,
        )

    return into
