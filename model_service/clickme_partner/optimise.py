"""Quicker forms of a partner: the same network, with smaller numbers inside.

What is done to pixels before the first layer of weights stays as it is, and so do the input and the output: a
form is a partner like any other. Whether it is a good one is for others to judge.
"""

import io
import logging
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import ModelProto, NodeProto, TensorProto, external_data_helper, numpy_helper, version_converter
from onnx.utils import Extractor

from clickme_partner.errors import PartnerError
from clickme_partner.registry import Made
from clickme_partner.trial import try_out

OPSET: Final = 13  # the first in which weights have a scale for each channel
LAYERS: Final = {"Conv", "ConvTranspose", "Gemm", "MatMul"}  # where weights are


def form_for(provider: str) -> Made:
    """The form that an execution provider of onnxruntime is quick with: processors int8, others fp16."""
    return "int8" if provider == "CPUExecutionProvider" else "fp16"


def optimised(source: Path, target: Path, form: Made, views: npt.NDArray[np.uint8]) -> None:
    """Write that form of the partner `source` to `target`, whole or not at all.

    `views`, uint8 [N, 224, 224, 3] RGB, tell int8 how large numbers become inside the network: they should
    be like those that it will be shown, tens of them. The same arguments give the same bytes on the same
    machine.

    Raises PartnerError: `no_model`, `corrupt_model`, `cannot_write`, and `cannot_optimise` for a network
    that has no such form.
    """
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as folder:
            new = Path(folder, target.name)
            _make(source, new, form, views)
            new.replace(target)
    except OSError as error:
        message = f"{target} could not be written: {error.strerror} ({error.filename})."
        raise PartnerError("cannot_write", message) from error


def _make(source: Path, new: Path, form: Made, views: npt.NDArray[np.uint8]) -> None:
    model = _read(source)
    try:
        with _quietly():
            model = _folded(model, new.parent)
            model = _halved(model) if form == "fp16" else _quantised(model, new.parent, views)
        new.write_bytes(model.SerializeToString(deterministic=True))
        try_out(new)
    except OSError:
        raise
    except Exception as error:  # onnx's and onnxruntime's errors have no common base but this
        reason = " ".join(str(error).split()).rstrip(".")
        message = f"{source.name} has no {form} form: {reason}. It can be played with as it is."
        raise PartnerError("cannot_optimise", message) from error


def _read(source: Path) -> ModelProto:
    if not source.is_file():
        raise PartnerError("no_model", f"There is no model {source}: type `clickme partner install`.")
    try:
        model = onnx.load(source, load_external_data=False)
    except Exception as error:  # onnx's and protobuf's errors have no common base but this
        raise PartnerError("corrupt_model", f"{source.name} cannot be read as an ONNX model.") from error
    if any(external_data_helper.uses_external_data(tensor) for tensor in model.graph.initializer):
        message = f"{source.name} keeps its weights in other files: export it as one file, and install that."
        raise PartnerError("cannot_optimise", message)
    if any("Quantize" in node.op_type or "Integer" in node.op_type for node in model.graph.node):
        message = f"{source.name} has 8-bit numbers already. It can be played with as it is."
        raise PartnerError("cannot_optimise", message)
    return model


def _folded(model: ModelProto, folder: Path) -> ModelProto:
    """The same network with fewer nodes: constants computed, batch norms put into convolutions.

    Batch norms between 8-bit convolutions would cost most of what is gained, and some agreement (measured
    with ResNet-18: first guesses on bubbled views equal on 61 % of them instead of 82 %).
    """
    from onnxruntime.quantization.shape_inference import quant_pre_process

    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in weights]  # before IR 4 weights are inputs, too
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    model.ir_version = max(model.ir_version, 4)
    if any(o.version < OPSET for o in model.opset_import if o.domain in {"", "ai.onnx"}):
        model = version_converter.convert_version(model, OPSET)
    before, after = folder / "before.onnx", folder / "after.onnx"
    onnx.save(model, before)
    # Symbolic shapes are for transformers, and need SymPy.
    quant_pre_process(before, after, skip_symbolic_shape=True)
    model = onnx.load(after)
    for number, node in enumerate(model.graph.node):
        node.name = node.name or f"node {number}"
    used = {node.domain for node in model.graph.node} | {""}
    opsets = [o for o in model.opset_import if o.domain in used]  # onnxruntime lists all it ever heard of
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    return model


def _before_layers(model: ModelProto) -> list[NodeProto]:
    """The nodes that no layer of weights comes before: what is done to pixels."""
    behind: set[str] = set()
    before = []
    for node in model.graph.node:
        if node.op_type in LAYERS or behind.intersection(node.input):
            behind.update(filter(None, node.output))  # one that nobody takes has no name
        else:
            before.append(node)
    return before


def _quantised(model: ModelProto, folder: Path, views: npt.NDArray[np.uint8]) -> ModelProto:
    """With 8-bit weights, a scale for each channel, and 8-bit numbers between layers."""
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    before, after = folder / "plain.onnx", folder / "int8.onnx"
    onnx.save(model, before)
    quantize_static(
        before,
        after,
        _Views(views),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        # Weights use 7 of their 8 bits: AVX2 sums pairs of products in 16 bits, and cuts off what does not
        # fit. First guesses of ResNet-50 on 192 bubbled views were equal on 83 %, with all 8 bits on 67 %.
        # VNNI sums in 32 bits and has no need of it; but a form shall be as good anywhere.
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=[node.name for node in _before_layers(model)],
        # Logits of 8 bits would be equal where they should not be.
        extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm", "MatMul"]},
    )
    model = onnx.load(after)
    if all(tensor.data_type != TensorProto.INT8 for tensor in model.graph.initializer):
        raise ValueError("none of its layers can have 8-bit weights")
    return model


class _Views:
    """Views for onnxruntime to calibrate with, one at a time.

    It holds all that a network says to itself in a pass before it notes the extremes: 200 MB a view of
    ResNet-50. Eight at once were no quicker.
    """

    def __init__(self, views: npt.NDArray[np.uint8]) -> None:
        self._left = iter(views)

    def get_next(self) -> dict[str, npt.NDArray[np.uint8]] | None:
        return next(({"image": view[None]} for view in self._left), None)


def _halved(model: ModelProto) -> ModelProto:
    """With weights and arithmetic in float16 from the first layer on."""
    from onnxruntime.quantization.onnx_model import ONNXModel
    from onnxruntime.transformers.float16 import convert_float_to_float16

    before = _before_layers(model)
    made = {"image", *(name for node in before for name in node.output)}
    used = {name for node in model.graph.node if not made.intersection(node.output) for name in node.input}
    # It is cut in two where the pixels are ready, because converted as a whole they would be rounded as well.
    layers = Extractor(model).extract_model(sorted(made & used), ["logits"])
    layers = convert_float_to_float16(layers, keep_io_types=True)
    if all(tensor.data_type != TensorProto.FLOAT16 for tensor in layers.graph.initializer):
        raise ValueError("it has no layers with weights")
    graph = model.graph
    constants = [_own(tensor, before) for tensor in graph.initializer]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend([*before, *layers.graph.node])
    graph.initializer.extend([*filter(None, constants), *layers.graph.initializer])
    ONNXModel(model).topological_sort()  # the casts were put at the end
    return model


def _own(constant: TensorProto, nodes: Iterable[NodeProto]) -> TensorProto | None:
    """A constant of these nodes, under a name of their own; None if they do not use it."""
    name, used = f"pixels/{constant.name}", False
    for node in nodes:
        for place, taken in enumerate(node.input):
            if taken == constant.name:
                node.input[place], used = name, True
    return numpy_helper.from_array(numpy_helper.to_array(constant), name) if used else None


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep back what onnxruntime's tools print, warn of and log: what matters of it comes as an error."""
    root = logging.getLogger()
    silence = logging.NullHandler()  # or `logging.warning` would give the root a handler of its own, for good

    def nothing(record: logging.LogRecord) -> bool:
        return False

    root.addHandler(silence)
    root.addFilter(nothing)  # those that log straight to the root
    try:
        with redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.removeFilter(nothing)
        root.removeHandler(silence)
