"""Quicker forms: what is in their files, how near they stay to the partner, and what has none."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from PIL import Image

import clickme.catalogue
from clickme_partner.errors import PartnerError
from clickme_partner.network import Network
from clickme_partner.normalisation import as_partner
from clickme_partner.optimise import form_for, optimised
from clickme_partner.registry import Installed, Made
from clickme_partner.session import Session
from clickme_partner.view import MARGIN, MEAN_COLOUR, centre, compose, ground

Tiny = Callable[..., Path]
Views = npt.NDArray[np.uint8]
FORMS: tuple[Made, ...] = ("int8", "fp16")
DEMO = Path(clickme.catalogue.__file__).parent / "demo"


@pytest.fixture(scope="session")
def views() -> Views:
    """Every bundled photograph, whole and with a third of it painted in bubbles: uint8 [62, 224, 224, 3]."""
    chance = np.random.default_rng(5)
    made = []
    for file in sorted(DEMO.glob("*.jpg")):
        with Image.open(file) as picture:
            photograph = np.asarray(picture.convert("RGB").resize((256, 256)))
        whole, bubbled = centre(photograph), np.empty((224, 224, 3), np.uint8)
        bubbles = chance.normal(MARGIN + 112, 40, (70, 2)).astype(int).tolist()
        compose(bubbled, whole, ground("mean", whole), bubbles)
        made += [whole, bubbled]
    return np.stack(made)


@pytest.fixture(scope="module")
def forms(
    resnet18: Installed, views: Views, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Made], Path]:
    """The real ResNet-18 in either form, int8 calibrated on the first half of the views."""
    folder = tmp_path_factory.mktemp("forms")

    def form(form: Made) -> Path:
        target = folder / f"{form}.onnx"
        if not target.exists():
            optimised(resnet18.path, target, form, views[:30])
        return target

    return form


def convolutional(tmp_path: Path) -> Path:
    """A partner of two convolutions and a linear layer, channels of very different sizes."""
    chance = np.random.default_rng(3)
    network = Network("small", epsilon=1e-3)

    def conv(x: str, name: str, kernel: tuple[int, ...]) -> str:
        size = np.geomspace(0.01, 1, kernel[0])[:, None, None, None]
        norm = [np.abs(chance.normal(1, 0.2, kernel[0])).astype(np.float32) for _ in range(4)]
        weights = (chance.normal(size=kernel) * size).astype(np.float32)
        return network.relu(network.conv(x, name, weights, None, norm, stride=4, pad=1))

    x = conv(conv("pixels", "first", (8, 3, 5, 5)), "second", (16, 8, 3, 3))
    scores = chance.normal(size=(1000, 16)).astype(np.float32)
    model = as_partner(network.classify(x, scores, np.zeros(1000, np.float32)), "torchvision")
    path = tmp_path / "small.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def node(operator: str, inputs: list[str], output: str, **attributes: Any) -> NodeProto:
    return helper.make_node(operator, inputs, [output], name=output, **attributes)


def partner_of(nodes: list[NodeProto], path: Path, **constants: npt.NDArray[np.generic]) -> Path:
    graph = helper.make_graph(
        nodes,
        "made",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 224, 224, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 1000])],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
    return path


def constants(model: ModelProto) -> dict[str, npt.NDArray[np.generic]]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def layers(model: ModelProto) -> list[NodeProto]:
    return [node for node in model.graph.node if node.op_type in {"Conv", "Gemm", "MatMul"}]


def door(model: ModelProto) -> list[tuple[str, int, list[int | str]]]:
    """What goes in and comes out: names, types, shapes."""
    return [
        (
            value.name,
            value.type.tensor_type.elem_type,
            [side.dim_value or "free" for side in value.type.tensor_type.shape.dim],
        )
        for value in (*model.graph.input, *model.graph.output)
    ]


def deviation(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """Root mean square difference, as a share of how far logits lie apart."""
    return float(np.sqrt(np.mean((one - other) ** 2)) / np.std(other))


def test_processors_have_int8_and_others_fp16() -> None:
    assert form_for("CPUExecutionProvider") == "int8"
    for provider in ("CUDAExecutionProvider", "TensorrtExecutionProvider", "CoreMLExecutionProvider"):
        assert form_for(provider) == "fp16"


@pytest.mark.parametrize("form", FORMS)
def test_a_form_has_the_same_door_and_no_more_files(
    resnet18: Installed, forms: Callable[[Made], Path], form: Made
) -> None:
    model = onnx.load(forms(form))
    onnx.checker.check_model(model)
    assert door(model) == door(onnx.load(resnet18.path))
    assert door(model) == [
        ("image", TensorProto.UINT8, ["free", 224, 224, 3]),
        ("logits", TensorProto.FLOAT, ["free", 1000]),
    ]
    share = forms(form).stat().st_size / resnet18.path.stat().st_size
    assert share == pytest.approx(0.25 if form == "int8" else 0.5, abs=0.01)


def test_int8_has_a_scale_for_each_channel_of_each_layer_s_weights(forms: Callable[[Made], Path]) -> None:
    model = onnx.load(forms("int8"))
    known = constants(model)
    made_by = {output: node for node in model.graph.node for output in node.output}
    assert len(layers(model)) == 21  # 20 convolutions and the linear layer
    for layer in layers(model):
        weights, scale, zero = (known[name] for name in made_by[layer.input[1]].input)
        assert made_by[layer.input[1]].op_type == "DequantizeLinear"
        assert weights.dtype == np.int8
        assert scale.shape == zero.shape == (len(weights),)
        assert not zero.any()
        # 7 bits of the 8: sums of products stay exact without VNNI.
        assert np.abs(weights.astype(int)).max() <= 64
        assert made_by[layer.input[0]].op_type == "DequantizeLinear"  # 8 bits come in, too


def test_int8_weights_are_the_nearest_to_the_network_s(tmp_path: Path, views: Views) -> None:
    source, target = convolutional(tmp_path), tmp_path / "int8.onnx"
    optimised(source, target, "int8", views[:4])
    plain, form = onnx.load(source), onnx.load(target)
    was, now = constants(plain), constants(form)
    made_by = {output: node for node in form.graph.node for output in node.output}
    for before, after in zip(layers(plain), layers(form), strict=True):
        weights, scale, _ = (now[name].astype(float) for name in made_by[after.input[1]].input)
        steps = scale.reshape(-1, *[1] * (weights.ndim - 1))
        assert (np.abs(weights * steps - was[before.input[1]]) <= steps * 0.501).all()


@pytest.mark.parametrize("form", FORMS)
def test_pixels_and_logits_keep_their_float32(forms: Callable[[Made], Path], form: Made) -> None:
    model = onnx.load(forms(form))
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    kinds = [node.op_type for node in model.graph.node]
    first = kinds.index("QuantizeLinear" if form == "int8" else "Conv")
    before = [kind for kind in kinds[:first] if kind not in {"Constant", "DequantizeLinear"}]
    assert before == ["Transpose", "Cast", "Sub", "Div"] + (["Cast"] if form == "fp16" else [])
    known = constants(model)
    (sub,) = (node for node in model.graph.node if node.op_type == "Sub")
    assert known[sub.input[1]].dtype == np.float32
    last = layers(model)[-1]
    after = [node.op_type for node in model.graph.node if last.output[0] in node.input]
    assert after == ["Cast"]  # no 8 bits on the way out


def test_fp16_weights_are_all_of_16_bits(forms: Callable[[Made], Path]) -> None:
    model = onnx.load(forms("fp16"))
    known = constants(model)
    for layer in layers(model):
        assert [known[name].dtype for name in layer.input[1:]] == [np.float16, np.float16]


@pytest.mark.parametrize(("form", "bound"), [("int8", 0.15), ("fp16", 0.005)])
def test_a_form_believes_nearly_what_the_partner_believes(
    resnet18: Installed, forms: Callable[[Made], Path], views: Views, form: Made, bound: float
) -> None:
    shown = views[30:]  # none that it was calibrated on
    plain, quick = (Session(path).logits(shown) for path in (resnet18.path, forms(form)))
    assert deviation(quick, plain) < bound
    first_five = np.argsort(-quick, axis=1)[:, :5]
    assert all(first in five for first, five in zip(plain.argmax(axis=1), first_five, strict=True))
    equal = (quick.argmax(axis=1) == plain.argmax(axis=1)).mean()
    assert equal >= (0.8 if form == "int8" else 1.0)


@pytest.mark.parametrize("form", FORMS)
def test_the_same_arguments_give_the_same_bytes_in_any_process(
    tmp_path: Path, views: Views, form: Made
) -> None:
    source = convolutional(tmp_path)
    np.save(tmp_path / "views.npy", views[:4])
    program = (
        "import sys, numpy; from pathlib import Path; from clickme_partner.optimise import optimised; "
        "optimised(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], numpy.load(sys.argv[4]))"
    )
    made = []
    for seed in ("1", "2"):
        target = tmp_path / f"{seed}.onnx"
        command = [sys.executable, "-c", program, *map(str, (source, target, form, tmp_path / "views.npy"))]
        done = subprocess.run(
            command, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
        )
        assert (done.stdout, done.stderr) == (b"", b"")
        made.append(target.read_bytes())
    optimised(source, tmp_path / "here.onnx", form, views[:4])
    assert made[0] == made[1] == (tmp_path / "here.onnx").read_bytes()


def test_batch_norms_become_part_of_the_convolutions(tmp_path: Path, views: Views) -> None:
    chance = np.random.default_rng(2)
    norm = {name: np.abs(chance.normal(1, 0.3, 8)).astype(np.float32) for name in ("g", "b", "m", "v")}
    nodes = [
        node("Cast", ["image"], "float", to=TensorProto.FLOAT),
        node("Transpose", ["float"], "planes", perm=[0, 3, 1, 2]),
        node("Div", ["planes", "scale"], "pixels"),
        node("Conv", ["pixels", "kernel"], "conv", strides=[4, 4]),
        node("BatchNormalization", ["conv", *norm], "norm"),
        node("Relu", ["norm"], "relu"),
        node("GlobalAveragePool", ["relu"], "mean"),
        node("Flatten", ["mean"], "flat"),
        node("Div", ["flat", "scale"], "small"),  # a constant that the pixels need as well
        node("MatMul", ["small", "dense"], "logits"),
    ]
    source = partner_of(
        nodes,
        tmp_path / "norms.onnx",
        scale=np.array(255, np.float32),
        kernel=chance.normal(size=(8, 3, 5, 5)).astype(np.float32),
        dense=chance.normal(size=(8, 1000)).astype(np.float32),
        **norm,
    )
    plain = Session(source).logits(views[4:])
    for form, bound in zip(FORMS, (0.3, 0.005), strict=True):
        optimised(source, tmp_path / "form.onnx", form, views[:4])
        kinds = {node.op_type for node in onnx.load(tmp_path / "form.onnx").graph.node}
        assert "BatchNormalization" not in kinds
        assert deviation(Session(tmp_path / "form.onnx").logits(views[4:]), plain) < bound


@pytest.mark.parametrize(
    "how",
    [{"opset": 7, "ir_version": 3}, {"opset": 11}, {"opset": 13}, {"layout": "NHWC"}],
    ids=str,
)
@pytest.mark.parametrize("form", FORMS)
def test_classifiers_as_people_have_them_have_forms(
    tiny: Tiny, tmp_path: Path, views: Views, form: Made, how: dict[str, int | str]
) -> None:
    source, target = tmp_path / "source.onnx", tmp_path / "form.onnx"
    source.write_bytes(as_partner(onnx.load(tiny(**how)), "unit").SerializeToString())
    optimised(source, target, form, views[:8])
    shown = views[8:24]
    assert deviation(Session(target).logits(shown), Session(source).logits(shown)) < 0.05


def quantised_already(folder: Path, views: Views) -> Path:
    optimised(convolutional(folder), folder / "source.onnx", "int8", views[:2])
    return folder / "source.onnx"


def in_two_files(folder: Path, views: Views) -> Path:
    model = onnx.load(convolutional(folder))
    onnx.save(model, folder / "source.onnx", save_as_external_data=True, location="weights", size_threshold=0)
    return folder / "source.onnx"


def without_weights(folder: Path, views: Views) -> Path:
    nodes = [
        node("Cast", ["image"], "float", to=TensorProto.FLOAT),
        node("ReduceMean", ["float"], "colour", axes=[1, 2], keepdims=0),
        node("Gather", ["colour", "which"], "logits", axis=1),
    ]
    return partner_of(nodes, folder / "source.onnx", which=np.arange(1000) % 3)


def damaged(folder: Path, views: Views) -> Path:
    (folder / "source.onnx").write_bytes(b"no network")
    return folder / "source.onnx"


@pytest.mark.parametrize(
    ("source", "forms", "code", "said"),
    [
        (quantised_already, FORMS, "cannot_optimise", "8-bit numbers already"),
        (in_two_files, FORMS, "cannot_optimise", "export it as one file"),
        (without_weights, FORMS, "cannot_optimise", "played with as it is"),
        (damaged, FORMS, "corrupt_model", "cannot be read"),
        (lambda folder, views: folder / "nothing.onnx", FORMS, "no_model", "clickme partner install"),
    ],
)
def test_what_has_no_form_is_said_so_and_nothing_is_left(
    tmp_path: Path,
    views: Views,
    source: Callable[[Path, Views], Path],
    forms: tuple[Made, ...],
    code: str,
    said: str,
) -> None:
    (tmp_path / "forms").mkdir()
    target = tmp_path / "forms" / "form.onnx"
    target.write_bytes(b"what was there")
    path = source(tmp_path, views)
    for form in forms:
        with pytest.raises(PartnerError, match=said) as error:
            optimised(path, target, form, views[:2])
        assert error.value.code == code
        assert error.value.message.endswith(".")
        assert [file.name for file in target.parent.iterdir()] == ["form.onnx"]
        assert target.read_bytes() == b"what was there"


def test_without_views_there_is_no_int8(tmp_path: Path, views: Views) -> None:
    with pytest.raises(PartnerError) as error:
        optimised(convolutional(tmp_path), tmp_path / "form.onnx", "int8", views[:0])
    assert error.value.code == "cannot_optimise"


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path, views: Views) -> None:
    with pytest.raises(PartnerError) as error:
        optimised(convolutional(tmp_path), tmp_path / "nowhere" / "form.onnx", "fp16", views[:2])
    assert error.value.code == "cannot_write"


def test_nothing_is_said_and_no_logger_is_changed(
    tmp_path: Path,
    views: Views,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    root = logging.getLogger()
    before = [*root.handlers], [*root.filters], root.level
    for form in FORMS:
        optimised(convolutional(tmp_path), tmp_path / "form.onnx", form, views[:2])
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    assert ([*root.handlers], [*root.filters], root.level) == before
    assert list(empty.iterdir()) == []


def test_a_mean_coloured_view_is_read_alike(resnet18: Installed, forms: Callable[[Made], Path]) -> None:
    """What every round begins with."""
    nothing = np.full((1, 224, 224, 3), MEAN_COLOUR, np.uint8)
    plain = Session(resnet18.path).logits(nothing)
    for form, bound in zip(FORMS, (0.25, 0.01), strict=True):
        assert deviation(Session(forms(form)).logits(nothing), plain) < bound
