"""Partners to test with: tiny ones made here, and the smaller of the two real ones."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from clickme.settings import Settings
from clickme_partner.install import install
from clickme_partner.registry import Installed

# What the tiny classifiers know: how much a row of the picture counts, and three numbers for each class.
ROWS = np.linspace(0.5, 1.5, 224, dtype=np.float32)
KNOWLEDGE = np.random.default_rng(1).normal(size=(1000, 3)).astype(np.float32)

TinyClassifier = Callable[..., Path]
Answer = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]


def quiet(step: str, fraction: float | None = None) -> None:
    pass


@pytest.fixture(scope="session")
def resnet18(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return install(
        "resnet18", folder=tmp_path_factory.mktemp("resnet18"), cache=Settings().cache, report=quiet
    )


@pytest.fixture
def answer() -> Answer:
    """What a tiny classifier must say of normalised pixels [N, 224, 224, 3] in its own order of channels."""
    return lambda pixels: (pixels * ROWS[:, None, None]).mean(axis=(1, 2)) @ KNOWLEDGE.T.astype(np.float64)


@pytest.fixture
def tiny(tmp_path: Path) -> TinyClassifier:
    """Writes a classifier that weighs rows, averages, and multiplies: `answer` says the same in NumPy."""

    def make(
        layout: str = "NCHW",
        *,
        batch: int | str = "N",
        size: int | str = 224,
        classes: int = 1000,
        kind: int = TensorProto.FLOAT,
        names: tuple[str, str] = ("image", "logits"),
        reshape: list[int] | None = None,
        say_output: bool = True,
        opset: int = 13,
        ir_version: int = 8,
    ) -> Path:
        channels_first = layout == "NCHW"
        shape = [batch, 3, size, size] if channels_first else [batch, size, size, 3]
        picture, scores = names
        weights = {
            "rows": ROWS.reshape((224, 1) if channels_first else (224, 1, 1)),
            "knowledge": np.ascontiguousarray(KNOWLEDGE[:classes].T),
        }
        nodes = [
            helper.make_node("Cast", [picture], ["number"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["number", "rows"], ["weighed"]),
            helper.make_node(
                "ReduceMean", ["weighed"], ["mean"], axes=[2, 3] if channels_first else [1, 2], keepdims=0
            ),
        ]
        if reshape:
            weights["shape"] = np.array(reshape)
            nodes.append(helper.make_node("Reshape", ["mean", "shape"], ["means"]))
        nodes.append(helper.make_node("MatMul", ["means" if reshape else "mean", "knowledge"], [scores]))
        inputs = [helper.make_tensor_value_info(picture, kind, shape)]
        if ir_version < 4:
            inputs += [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, values.shape)
                for name, values in weights.items()
            ]
        output = helper.make_tensor_value_info(
            scores, TensorProto.FLOAT, [batch, classes] if say_output else None
        )
        tensors = [numpy_helper.from_array(values, name) for name, values in weights.items()]
        graph = helper.make_graph(nodes, "tiny", inputs, [output], tensors)
        opsets = [helper.make_opsetid("", opset)]
        path = tmp_path / "tiny.onnx"
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=ir_version), path)
        return path

    return make
