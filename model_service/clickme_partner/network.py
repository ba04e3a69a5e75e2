"""Writes a convolutional classifier as ONNX: layer by layer, batch normalisation folded into convolutions."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[np.float32]

OPSET: Final = 17
IR_VERSION: Final = 8  # the file format that came with opset 17


class Network:
    """An ONNX graph in the making, from `pixels` float32 [N, 3, 224, 224] to `scores` float32 [N, 1000].

    Every layer takes names of tensors and gives the name of its own. `epsilon` is that of the batch
    normalisations.
    """

    def __init__(self, name: str, epsilon: float) -> None:
        self._name = name
        self._epsilon = epsilon
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def conv(
        self,
        x: str,
        name: str,
        kernel: Array,
        bias: Array | None,
        norm: list[Array],
        *,
        stride: int,
        pad: int,
    ) -> str:
        """A convolution and the batch normalisation after it.

        `kernel` is [out, in, height, width]; `bias` and each of `norm` (gamma, beta, mean, variance) are
        [out].
        """
        # In float64 and element by element: every step is rounded as IEEE 754 says, so the bytes come out
        # the same on every machine.
        gamma, beta, mean, variance = (values.astype(np.float64) for values in norm)
        scale = gamma / np.sqrt(variance + self._epsilon)
        shift = beta - mean * scale
        if bias is not None:
            shift = shift + bias * scale
        weights = [
            self._weight(f"{name}.kernel", kernel * scale[:, None, None, None]),
            self._weight(f"{name}.bias", shift),
        ]
        return self._node("Conv", [x, *weights], name, strides=[stride, stride], pads=[pad] * 4)

    def relu(self, x: str) -> str:
        return self._node("Relu", [x], f"{x}.relu")

    def add(self, x: str, shortcut: str) -> str:
        return self._node("Add", [x, shortcut], f"{x}.add")

    def max_pool(self, x: str) -> str:
        """The largest of 3x3 at every second pixel; beyond the edge there is nothing."""
        return self._node("MaxPool", [x], f"{x}.pool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)

    def classify(self, x: str, kernel: Array, bias: Array) -> onnx.ModelProto:
        """The mean over the picture, a dense layer (`kernel` [1000, in]), and with it the finished model."""
        mean = self._node("GlobalAveragePool", [x], "mean")
        flat = self._node("Flatten", [mean], "flat")
        weights = [self._weight("dense.kernel", kernel), self._weight("dense.bias", bias)]
        self._node("Gemm", [flat, *weights], "scores", transB=1)
        graph = helper.make_graph(
            self._nodes,
            self._name,
            [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 3, 224, 224])],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 1000])],
            self._weights,
        )
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="clickme")

    def _node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self._nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def _weight(self, name: str, values: npt.NDArray[np.floating]) -> str:
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype=np.float32), name))
        return name
