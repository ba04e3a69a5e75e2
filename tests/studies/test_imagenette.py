"""A small data set painted by code: made, read back, and refused where there is nothing to paint."""

import hashlib
import random
import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import clickme.export
from clickme.catalogue.prepare import LeftOut
from clickme.export.facts import Facts
from clickme.export.reading import describe
from clickme.game.rules import Bubble, check
from clickme.kit.problems import Problem
from clickme.studies.imagenette import RULES, enlarged, found, paint, stroke
from clickme_partner.install import Installed
from made_up import Unheard, contents

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


def test_it_is_read_as_any_data_set(painted: tuple[Path, Facts]) -> None:
    out, facts = painted
    described = describe(out)
    assert described.format == "tfrecord"
    assert described.options["evidence"].startswith("brightness@")
    counts = {
        split: sum(1 for _ in clickme.export.read(out, split)) for split in ("train", "validation", "test")
    }
    assert counts == {"train": 14, "validation": 2, "test": 4}
    for record in clickme.export.read(out):
        assert record.n_players == 2
        assert record.click_count == 40
        assert record.label == {"n01440764": 0, "n02102040": 217}[record.wnid]
        assert record.image is not None
        with Image.open(BytesIO(record.image)) as image:
            assert (image.size, image.mode) == ((256, 256), "RGB")
    assert (facts.photographs, facts.rounds, facts.players, facts.bubbles) == (20, 40, 2, 800)


def test_each_class_is_in_each_split_by_its_share(painted: tuple[Path, Facts]) -> None:
    _, facts = painted
    assert facts.classes == {
        "train": dict.fromkeys(WNIDS, 7),
        "validation": dict.fromkeys(WNIDS, 1),
        "test": dict.fromkeys(WNIDS, 2),
    }


def test_the_maps_lie_on_the_evidence(painted: tuple[Path, Facts]) -> None:
    for record in clickme.export.read(painted[0]):
        assert record.image is not None
        assert record.heatmap is not None
        with Image.open(BytesIO(record.image)) as image:
            bright = np.asarray(image.convert("L")) > 150
        assert record.heatmap[bright].mean() > 3 * record.heatmap[~bright].mean()


def test_players_agree_more_than_chance_has_it(painted: tuple[Path, Facts]) -> None:
    measured = painted[1].reliability
    assert measured is not None
    assert measured.photographs == 20
    assert measured.rho is not None
    assert measured.null is not None
    assert measured.rho > measured.null + 0.3


def test_it_says_that_no_person_painted_and_nothing_else_is_left(painted: tuple[Path, Facts]) -> None:
    out, facts = painted
    files = {*(shard.name for shard in facts.shards), "dataset_info.json", "features.json"}
    assert {file.name for file in out.iterdir()} == files | {"README.md", "SHA256SUMS"}
    assert "no person painted" in (out / "README.md").read_text()
    subprocess.run(["sha256sum", "--check", "--quiet", "--strict", "SHA256SUMS"], cwd=out, check=True)


def test_the_same_again_has_the_same_bytes_and_another_seed_other_maps(
    painted: tuple[Path, Facts], photographs: Path, brightness: Installed, tmp_path: Path
) -> None:
    first = contents(painted[0])
    for seed, same in ((0, True), (1, False)):
        out = tmp_path / str(seed)
        paint(photographs, out, brightness, Unheard(), players=2, bubbles=20, seed=seed)
        assert (contents(out) == first) is same


def test_one_player_alone_agrees_with_nobody(
    photographs: Path, brightness: Installed, tmp_path: Path
) -> None:
    facts = paint(photographs, tmp_path / "data", brightness, Unheard(), players=1, bubbles=5)
    assert facts.reliability is None
    assert "is not measured" in (tmp_path / "data" / "README.md").read_text()


@given(st.integers(1, 140), st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_a_stroke_keeps_the_brushs_laws(bubbles: int, seed: int) -> None:
    map_ = np.random.default_rng(seed).normal(size=(7, 7))
    painted = stroke(2, map_, random.Random(seed), bubbles)
    assert (painted.player, painted.xyt.shape) == (2, (bubbles, 3))
    check(RULES, None, [Bubble(*row) for row in painted.xyt.tolist()], RULES.limit_ms)


@pytest.mark.parametrize("size", [(224, 300), (300, 224), (100, 100), (640, 480)])
def test_every_photograph_becomes_a_square_of_256_px(size: tuple[int, int], tmp_path: Path) -> None:
    width, height = size
    ramp = np.tile(np.linspace(0, 255, width, dtype=np.uint8), (height, 1))
    Image.fromarray(ramp).save(tmp_path / "ramp.png")

    with Image.open(BytesIO(enlarged(tmp_path / "ramp.png"))) as image:
        assert (image.size, image.mode) == ((256, 256), "RGB")
        row = np.asarray(image)[128, :, 0].astype(np.float64)

    side = min(size)
    middles = (np.arange(256) + 0.5) / 256 * side + (width - side) / 2 - 0.5
    np.testing.assert_allclose(row[4:-4], middles[4:-4] * 255 / (width - 1), atol=3)


def test_a_folder_without_photographs_is_refused(brightness: Installed, tmp_path: Path) -> None:
    (tmp_path / "n00000000").mkdir()
    with pytest.raises(Problem) as problem:
        paint(tmp_path, tmp_path / "out", brightness, Unheard())
    assert problem.value.code == "no_photographs"
    assert not (tmp_path / "out").exists()


def test_a_folder_with_something_in_it_is_left_alone(
    photographs: Path, brightness: Installed, tmp_path: Path
) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(Problem) as problem:
        paint(photographs, tmp_path, brightness, Unheard())
    assert problem.value.code == "folder_not_empty"
    assert contents(tmp_path) == {"thesis.txt": b"mine"}


def test_a_photograph_that_cannot_be_read_leaves_no_data_set(brightness: Installed, tmp_path: Path) -> None:
    folder = tmp_path / "photographs" / WNIDS[0]
    folder.mkdir(parents=True)
    (folder / "1.JPEG").write_bytes(b"no photograph")
    out = tmp_path / "data"
    with pytest.raises(LeftOut, match=r"1\.JPEG"):
        paint(folder.parent, out, brightness, Unheard())
    assert not (out / "dataset_info.json").exists()


def test_the_ten_classes_are_split_alike(shared_data: Path) -> None:
    sources = found(shared_data / "imagenette-sample")
    counts = {
        split: [
            sum(s.split == split and s.wnid == wnid for s in sources) for wnid in {s.wnid for s in sources}
        ]
        for split in ("train", "validation", "test")
    }
    assert counts == {"train": [280] * 10, "validation": [40] * 10, "test": [80] * 10}
