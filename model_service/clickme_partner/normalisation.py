"""Makes a partner of a classifier: what it wants done to pixels before it looks is put into its graph."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, compose, helper, numpy_helper, shape_inference

from clickme_partner.errors import PartnerError
from clickme_partner.view import CROP


@dataclass(frozen=True)
class Normalisation:
    """(pixel - mean) / scale of pixels 0..255, by channel, in the order that the network takes them in."""

    mean: tuple[float, float, float]
    scale: tuple[float, float, float]
    bgr: bool = False


# As the frameworks document them: torchvision.transforms (its models' weights) and Keras's imagenet_utils.
NORMALISATIONS: Final = {
    "torchvision": Normalisation((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "caffe": Normalisation((103.939, 116.779, 123.68), (1, 1, 1), bgr=True),
    "tf": Normalisation((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),  # to -1..1
    "unit": Normalisation((0, 0, 0), (255, 255, 255)),  # to 0..1
    "none": Normalisation((0, 0, 0), (1, 1, 1)),  # 0..255 as they are
}


def adapt(file: Path, normalisation: str) -> bytes:
    """The classifier in an ONNX file, as a partner: `as_partner`, from a file to another file's bytes.

    Raises PartnerError `corrupt_model`, and what `as_partner` raises.
    """
    try:
        model = onnx.load(file)
    except Exception as error:  # onnx's and protobuf's errors have no common base but this
        raise PartnerError("corrupt_model", f"{file.name} cannot be read as an ONNX model.") from error
    return bytes(as_partner(model, normalisation).SerializeToString(deterministic=True))


def as_partner(model: onnx.ModelProto, normalisation: str) -> onnx.ModelProto:
    """`model`, changed into a partner: `image` uint8 [N, 224, 224, 3] RGB in, `logits` float32 [N, 1000] out.

    It comes with one float32 input, [N, 3, 224, 224] or [N, 224, 224, 3] (a side that is free is taken as
    224), and an output [N, 1000]; `normalisation` is a name of `NORMALISATIONS`. The batch becomes free,
    whatever it was.

    Raises PartnerError `wrong_input`, `wrong_classes` or `old_model`.
    """
    pixels, channels_first = _input(model)
    scores = _output(model)
    opset = next((o.version for o in model.opset_import if o.domain in {"", "ai.onnx"}), 0)
    if opset < 7:  # before it, arithmetic did not broadcast
        message = f"This model is written in ONNX opset {opset}; export it anew in opset 7 or later."
        raise PartnerError("old_model", message)
    # The classifier may call anything `image` or `logits`: its names move out of the way.
    compose.add_prefix(model, "network/", inplace=True)
    before = _normalise(NORMALISATIONS[normalisation], f"network/{pixels}", channels_first)
    after = helper.make_node("Cast", [f"network/{scores}"], ["logits"], name="logits", to=TensorProto.FLOAT)
    graph = model.graph
    nodes = [*before, *graph.node, after]
    weights = [i for i in graph.input if i.name != f"network/{pixels}"]  # before IR 4 they are inputs, too
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", CROP, CROP, 3])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 1000])
    del graph.node[:], graph.input[:], graph.output[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.input.extend([image, *weights])
    graph.output.append(logits)
    return model


def _normalise(how: Normalisation, output: str, channels_first: bool) -> list[onnx.NodeProto]:
    """The nodes from `image` to what the classifier takes."""
    axis, shape = (1, (1, 3, 1, 1)) if channels_first else (3, (1, 1, 1, 3))
    nodes = [
        _constant("mean", np.array(how.mean, dtype=np.float32).reshape(shape)),
        _constant("scale", np.array(how.scale, dtype=np.float32).reshape(shape)),
    ]
    x = "image"
    if channels_first:
        nodes.append(helper.make_node("Transpose", [x], ["planes"], name="planes", perm=[0, 3, 1, 2]))
        x = "planes"
    if how.bgr:
        nodes.append(_constant("blue_first", np.array([2, 1, 0], dtype=np.int64)))
        nodes.append(helper.make_node("Gather", [x, "blue_first"], ["bgr"], name="bgr", axis=axis))
        x = "bgr"
    return [
        *nodes,
        helper.make_node("Cast", [x], ["float"], name="float", to=TensorProto.FLOAT),
        helper.make_node("Sub", ["float", "mean"], ["centred"], name="centred"),
        helper.make_node("Div", ["centred", "scale"], [output], name="normalised"),
    ]


def _constant(name: str, values: npt.NDArray[np.generic]) -> onnx.NodeProto:
    return helper.make_node("Constant", [], [name], name=name, value=numpy_helper.from_array(values, name))


def _input(model: onnx.ModelProto) -> tuple[str, bool]:
    """The name of the picture's input, and whether its channels come before height and width."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in weights]
    if len(inputs) == 1 and inputs[0].type.tensor_type.elem_type == TensorProto.FLOAT:
        match _sides(inputs[0]):
            case [_, 3, (0 | 224), (0 | 224)]:
                return str(inputs[0].name), True
            case [_, (0 | 224), (0 | 224), 3]:
                return str(inputs[0].name), False
    raise PartnerError(
        "wrong_input",
        "A classifier must have one input, float32 [N, 3, 224, 224] or [N, 224, 224, 3]; "
        f"this one has {_say(inputs)}. Export it for photographs of 224 x 224 px.",
    )


def _output(model: onnx.ModelProto) -> str:
    if not all(_sides(output) for output in model.graph.output):
        model = shape_inference.infer_shapes(model)  # exporters may leave the shape of outputs out
    for output in model.graph.output:
        match _sides(output):
            case [_, 1000]:
                return str(output.name)
    raise PartnerError(
        "wrong_classes",
        "A classifier must have an output [N, 1000], one for each category; "
        f"this one has {_say(model.graph.output)}.",
    )


def _sides(value: onnx.ValueInfoProto) -> list[int]:
    """The shape, 0 where it is free; empty where it is not said."""
    return [side.dim_value for side in value.type.tensor_type.shape.dim]


def _say(values: Iterable[onnx.ValueInfoProto]) -> str:
    def say(value: onnx.ValueInfoProto) -> str:
        kind = TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()
        return f"{value.name} {kind} [{', '.join(str(side or '?') for side in _sides(value))}]"

    return ", ".join(map(say, values)) or "none"
