"""Networks as partners: what onnxruntime says of photographs, beside what PyTorch says."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from clickme.kit.problems import Problem
from clickme_gala import onnx as gala_onnx
from clickme_gala.attention import GALA, ReferenceGALA, SqueezeExcitation
from clickme_gala.networks import build
from clickme_gala.onnx import to_onnx
from clickme_gala.resnet import BasicBlock, ResNet
from clickme_partner.install import install
from clickme_partner.session import Session
from gala.made import bundled_views

Views = NDArray[np.uint8]


@pytest.fixture(scope="module")
def views() -> Views:
    """Five of the bundled photographs, as a partner sees them: uint8 [5, 224, 224, 3]."""
    return bundled_views(5)


def lived(network: ResNet) -> ResNet:
    """A network whose batch norms have seen something, and do not agree with where they begin."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 1.5)  # type: ignore[arg-type]
    return network.eval()


def short(attention: Callable[[int], nn.Module] = GALA) -> ResNet:
    """Four blocks, one with attention: soon exported. Always the same weights."""
    torch.manual_seed(0)

    def attend(stage: int, channels: int) -> nn.Module | None:
        return attention(channels) if stage == 3 else None

    return lived(ResNet(BasicBlock, (1, 1, 1, 1), width=8, attend=attend))


def said(network: ResNet, views: Views) -> NDArray[np.float32]:
    with torch.inference_mode():
        logits = network(torch.from_numpy(views).permute(0, 3, 1, 2)).logits
    return np.asarray(logits.numpy(), dtype=np.float32)


@pytest.fixture(scope="module")
def network(views: Views) -> ResNet:
    """One whose batch norms have seen photographs: without, attention makes rounding errors large."""
    torch.manual_seed(0)
    network = lived(build("gala-resnet-50", width=8)).train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    said(network, views)
    return network.eval()


@pytest.fixture(scope="module")
def written(network: ResNet, views: Views, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    path = tmp_path_factory.mktemp("written") / "deep" / "gala.onnx"
    return path, to_onnx(network, path, views)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_it_says_what_the_network_says(
    written: tuple[Path, float], network: ResNet, views: Views, count: int
) -> None:
    with closing(Session(written[0])) as engine:
        found = engine.logits(views[:count])
    expected = said(network, views[:count])
    assert found.shape == (count, 1000)
    assert np.abs(found - expected).max() / np.abs(expected).max() < 1e-4


def test_the_difference_that_it_names_is_the_one_there_is(
    written: tuple[Path, float], network: ResNet, views: Views
) -> None:
    path, difference = written
    with closing(Session(path)) as engine:
        found = engine.logits(views)
    expected = said(network, views)
    measured = np.abs(found - expected).max() / np.abs(expected).max()
    assert 0 <= difference < 1e-4
    assert difference == pytest.approx(measured, abs=1e-5)  # sums go in another order with other threads


def test_the_game_takes_it(written: tuple[Path, float], tmp_path: Path) -> None:
    partner = install(
        None,
        file=written[0],
        normalisation="inside",
        folder=tmp_path / "partner",
        cache=tmp_path / "cache",
        report=lambda step, fraction=None: None,
    )
    assert partner.path.read_bytes() == written[0].read_bytes()
    assert partner.name == "gala"


def test_batch_norms_are_part_of_convolutions(written: tuple[Path, float]) -> None:
    nodes = [node.op_type for node in onnx.load(written[0]).graph.node]
    assert "BatchNormalization" not in nodes
    # ResNet-50 has 53 convolutions, GALA two in each of six blocks.
    assert nodes.count("Conv") == 53 + 2 * 6


def test_it_is_a_sound_graph_that_says_nothing_of_this_machine(written: tuple[Path, float]) -> None:
    model = onnx.load(written[0])
    onnx.checker.check_model(model, full_check=True)
    del model.graph.initializer[:]  # among so many weights there are all bytes
    data = model.SerializeToString()
    assert b".py" not in data
    assert str(Path(torch.__file__).parent).encode() not in data


def test_equal_weights_give_equal_files_and_the_network_goes_on_as_it_was(tmp_path: Path) -> None:
    network = short().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    for name in ("first", "second"):
        to_onnx(network, tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    assert all(module.training for module in network.modules())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("attention", [ReferenceGALA, SqueezeExcitation])
def test_other_attention_is_written_too(
    attention: Callable[[int], nn.Module], views: Views, tmp_path: Path
) -> None:
    assert to_onnx(short(attention), tmp_path / "it.onnx", views[:2]) < 1e-4
    Session(tmp_path / "it.onnx").close()


def test_a_network_that_was_trained_small_sees_the_view_scaled(views: Views, tmp_path: Path) -> None:
    """As Pillow scales the photographs that it is trained on, which rounds to bytes."""
    network = short()
    path = tmp_path / "small.onnx"
    assert to_onnx(network, path, views, size=96) < 1e-4
    small = np.stack(
        [np.asarray(Image.fromarray(view).resize((96, 96), Image.Resampling.BICUBIC)) for view in views]
    )
    with closing(Session(path)) as engine:
        found = engine.logits(views)
    expected = said(network, small)
    assert np.abs(found - expected).max() / np.abs(expected).max() < 0.02
    assert np.abs(found - said(network, views)).max() / np.abs(expected).max() > 0.05  # what 224 px say


@pytest.mark.parametrize("factor", [1.01, float("nan")])
def test_a_file_that_says_something_else_is_not_written(
    factor: float, views: Views, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "it.onnx"
    path.write_bytes(b"the partner that was there")
    run = onnxruntime.InferenceSession.run

    def other(session: onnxruntime.InferenceSession, *asked: object) -> list[NDArray[np.float32]]:
        return [logits * np.float32(factor) for logits in run(session, *asked)]

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", other)
    with pytest.raises(Problem, match=r"it\.onnx would differ from PyTorch's by .* not written") as problem:
        to_onnx(short(), path, views[:1])
    assert problem.value.code == "onnx_differs"
    assert path.read_bytes() == b"the partner that was there"
    assert list(tmp_path.iterdir()) == [path]


def test_its_name_shadows_nothing() -> None:
    assert onnx is not gala_onnx
    assert hasattr(onnx, "load")
