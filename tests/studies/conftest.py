"""Photographs in which a partner sees what is bright, and what is painted on them."""

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from clickme.export.facts import Facts
from clickme.studies.imagenette import paint
from clickme_partner.registry import Installed
from made_up import Unheard

WNIDS = ("n01440764", "n02102040")  # tench, English springer: classes 0 and 217
BRIGHT = 60  # px, the side of the patch that the partner below takes for evidence


@pytest.fixture(scope="session")
def brightness(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A partner to whom every class is what is bright: its features are the mean greys of 7x7 places."""
    path = tmp_path_factory.mktemp("brightness") / "brightness.onnx"
    weights = {
        "dark": np.array(100, np.float32),
        "weights": np.full((1000, 3), 1 / 3, np.float32),
        "bias": np.zeros(1000, np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["number"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["number", "dark"], ["above"]),
        helper.make_node("Transpose", ["above"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("AveragePool", ["planes"], ["places"], kernel_shape=[32, 32], strides=[32, 32]),
        helper.make_node("GlobalAveragePool", ["places"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights", "bias"], ["logits"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", 224, 224, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 1000])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Installed("brightness", path, sha256, "made here", "none")


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten dark photographs of each of two classes, 224 px high, with a bright patch somewhere."""
    folder = tmp_path_factory.mktemp("photographs")
    chance = np.random.default_rng(0)
    for wnid in WNIDS:
        (folder / wnid).mkdir()
        for number in range(10):
            pixels = chance.integers(0, 60, (224, 300), np.uint8)
            top, left = chance.integers((20, 58), (204 - BRIGHT, 242 - BRIGHT))
            pixels[top : top + BRIGHT, left : left + BRIGHT] = 250
            mode = "L" if number == 0 else "RGB"
            Image.fromarray(pixels).convert(mode).save(folder / wnid / f"{number}.JPEG")
    (folder / "notes").mkdir()
    return folder


@pytest.fixture(scope="session")
def painted(
    photographs: Path, brightness: Installed, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Facts]:
    out = tmp_path_factory.mktemp("study") / "data"
    return out, paint(photographs, out, brightness, Unheard(), players=2, bubbles=20)
