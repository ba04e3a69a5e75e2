"""ResNets layer by layer: how they are put together, and what attention may touch."""

import pytest
import torch
from torch import Tensor, nn

from clickme_gala.networks import NETWORKS, build
from clickme_gala.resnet import BasicBlock, Block, Bottleneck, ResNet

# Narrow networks are built as wide ones are.
NARROW = 8


def photographs(count: int, size: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)


def closed(block: Block) -> Block:
    """Its attention lets nothing through: a and m are 0, and so is tanh of anything times them."""
    attention = block.attention
    assert attention is not None
    nn.init.zeros_(attention.additive)  # type: ignore[arg-type]
    nn.init.zeros_(attention.multiplicative)  # type: ignore[arg-type]
    return block


class Shut(nn.Module):
    """An attention that is zero, whatever comes."""

    def forward(self, activity: Tensor) -> tuple[Tensor, Tensor]:
        return activity * 0, activity * 0


def block_of(kind: type[Block], *, before: bool) -> Block:
    """The first of a stage: its shortcut is a convolution. Its batch norms do something."""
    torch.manual_seed(0)
    block = kind(3, 8, 8, 2, lambda stage, channels: Shut(), before).eval()
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias)
    return block


# ---- where GALA is


def test_gala_resnet_50_looks_six_times_at_14x14() -> None:
    with torch.device("meta"):
        network = build("gala-resnet-50")
        seen = network(torch.empty(2, 3, 224, 224, dtype=torch.uint8))
    assert [tuple(look.shape) for look in seen.looks] == [(2, 1024, 14, 14)] * 6
    assert tuple(seen.logits.shape) == (2, 1000)


def test_the_paper_s_layers_are_the_blocks_of_the_third_stage() -> None:
    """Section 3.2 puts GALA after layers 24, 27, ..., 39: convolutions of the dense path, counted from 0."""
    network = build("gala-resnet-50", width=NARROW)
    attended, layer = [], 0  # conv1
    for stage in range(1, 5):
        for block in network.get_submodule(f"layer{stage}").children():
            assert isinstance(block, Bottleneck)
            layer += 3
            if block.attention is not None:
                attended.append(layer)
    assert attended == [24, 27, 30, 33, 36, 39]


@pytest.mark.parametrize(
    ("name", "count", "channels"),
    [("resnet-18", 2, 4), ("se-resnet-18", 2, 4), ("gala-resnet-18", 2, 4), ("resnet-50", 6, 16)],
)
def test_every_network_can_be_looked_at(name: str, count: int, channels: int) -> None:
    looks = build(name, width=NARROW).eval()(photographs(1, 64)).looks
    assert [tuple(look.shape) for look in looks] == [(1, channels * NARROW, 4, 4)] * count


def test_the_reference_trainer_s_first_look_is_28x28() -> None:
    with torch.device("meta"):
        looks = build("gala-resnet-50", reference=True)(torch.empty(1, 3, 224, 224)).looks
    assert [tuple(look.shape) for look in looks] == [(1, 512, 28, 28)] + [(1, 1024, 14, 14)] * 5


# ---- the shortcut


@pytest.mark.parametrize("kind", [BasicBlock, Bottleneck])
def test_the_paper_s_shortcut_is_added_after_attention(kind: type[Block]) -> None:
    block = block_of(kind, before=False)
    x = torch.randn(2, 8, 6, 6)
    assert block.downsample is not None
    out, look = block(x)
    assert torch.equal(out, block.downsample(x).relu())
    assert out.any()
    assert not look.any()


@pytest.mark.parametrize("kind", [BasicBlock, Bottleneck])
def test_the_reference_trainer_s_shortcut_is_modulated_too(kind: type[Block]) -> None:
    block = block_of(kind, before=True)
    x = torch.randn(2, 8, 6, 6)
    assert block.downsample is not None
    out, _ = block(x)
    nothing = torch.zeros_like(x)
    block.attention = None
    assert torch.equal(out, block(nothing)[0])
    assert not torch.equal(out, block(x)[0])


def test_a_closed_network_s_blocks_pass_the_shortcut_on() -> None:
    network = build("gala-resnet-18", width=NARROW).eval()
    last = closed(network.get_submodule("layer3.1"))  # type: ignore[arg-type]
    x = torch.rand(1, 4 * NARROW, 5, 5)
    assert torch.equal(last(x)[0], x)  # not negative: the ReLU leaves it


# ---- what goes in


def test_bytes_and_numbers_are_seen_alike() -> None:
    network = build("resnet-18", width=NARROW).eval()
    bytes_ = photographs(2, 64)
    assert torch.equal(network(bytes_).logits, network(bytes_.float()).logits)


def test_colours_are_normalised_as_torchvision_does() -> None:
    network = build("resnet-18", width=NARROW).eval()
    seen: list[Tensor] = []
    network.conv1.register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    bytes_ = photographs(2, 64)
    network(bytes_)
    mean, std = (torch.tensor(x).reshape(3, 1, 1) for x in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    torch.testing.assert_close(seen[0], (bytes_ / 255 - mean) / std)


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_reach_every_weight(name: str) -> None:
    torch.manual_seed(1)
    network = build(name, width=16)
    seen = network(photographs(2, 64))
    seen.logits.square().sum().backward()
    silent = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert silent == []


def test_memory_s_order_says_nothing() -> None:
    network = build("gala-resnet-18", width=NARROW).eval()
    bytes_ = photographs(2, 64)
    expected = network(bytes_)
    found = network.to(memory_format=torch.channels_last)(  # type: ignore[call-overload]
        bytes_.contiguous(memory_format=torch.channels_last)
    )
    torch.testing.assert_close(found.logits, expected.logits, rtol=1e-4, atol=1e-5)
    for look, other in zip(found.looks, expected.looks, strict=True):
        torch.testing.assert_close(look, other, rtol=1e-4, atol=1e-5)


def test_it_begins_with_scaled_normal_weights() -> None:
    """He et al. (2015), "Delving deep into rectifiers", equation 10: variance 2 / fan-in before a ReLU."""
    torch.manual_seed(0)
    network: ResNet = build("gala-resnet-18")
    for name, fan_in in {"conv1": 3 * 49, "layer1.0.conv1": 64 * 9, "layer3.0.downsample.0": 128}.items():
        weight = network.get_parameter(f"{name}.weight")
        assert weight.var().item() * fan_in == pytest.approx(2, rel=0.1), name
        assert abs(weight.mean().item()) < 0.1 * fan_in**-0.5, name
    assert network.fc.weight.var().item() * 512 == pytest.approx(1, rel=0.02)
    assert not network.fc.bias.any()
