"""ResNets (He et al., "Deep residual learning for image recognition", 2015), with room for attention.

Layers have the names and shapes of torchvision, whose weights load here as ours load there; as there, the
stride of a bottleneck is in its 3x3 convolution.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from clickme_gala.initial import scaled_normal

# The colours of ImageNet's training photographs, 0 to 255, as nearly every network for them is normalised.
MEAN = (123.675, 116.28, 103.53)
SCALE = (58.395, 57.12, 57.375)
WATCHED = 3  # the stage of 14x14 px, at 224: where the paper puts GALA and maps are compared (section 3.2)


class Seen(NamedTuple):
    """What a network answers: `logits` [N, classes], and where it looked.

    `looks` has a volume [N, C, h, w] of each block of the watched stage, in order: its attention; in networks
    that have none, its activity.
    """

    logits: Tensor
    looks: list[Tensor]


# A stage, from 1, and channels -> the attention of a block there, if any.
Attend = Callable[[int, int], nn.Module | None]


class Block(nn.Module):
    """A dense path, the attention at its end, and the shortcut that is added after, as it is (section 3.2).

    With `before` the attention is on the block's input, and so on the shortcut too: the reference trainer's
    departure.
    """

    expansion: ClassVar[int]

    def __init__(self, stage: int, came: int, width: int, stride: int, attend: Attend, before: bool) -> None:
        super().__init__()
        goes = width * self.expansion
        self.relu = nn.ReLU(inplace=True)
        self.downsample = None
        if stride != 1 or came != goes:
            self.downsample = nn.Sequential(
                nn.Conv2d(came, goes, 1, stride, bias=False), nn.BatchNorm2d(goes)
            )
        self.before = before
        self.attention = attend(stage, came if before else goes)

    def dense(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x -> the block's output, and where it looked."""
        look = None
        if self.attention is not None and self.before:
            x, look = self.attention(x)
        out = self.dense(x)
        if self.attention is not None and not self.before:
            out, look = self.attention(out)
        out = self.relu(out + (x if self.downsample is None else self.downsample(x)))
        return out, out if look is None else look


class BasicBlock(Block):
    """3x3, 3x3: of ResNet-18."""

    expansion = 1

    def __init__(self, stage: int, came: int, width: int, stride: int, attend: Attend, before: bool) -> None:
        super().__init__(stage, came, width, stride, attend, before)
        self.conv1 = nn.Conv2d(came, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def dense(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        return self.bn2(self.conv2(x))  # type: ignore[no-any-return]


class Bottleneck(Block):
    """1x1, 3x3, 1x1: of ResNet-50."""

    expansion = 4

    def __init__(self, stage: int, came: int, width: int, stride: int, attend: Attend, before: bool) -> None:
        super().__init__(stage, came, width, stride, attend, before)
        self.conv1 = nn.Conv2d(came, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * 4, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * 4)

    def dense(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.bn3(self.conv3(x))  # type: ignore[no-any-return]


class ResNet(nn.Module):
    """A ResNet of four stages of `depths` blocks, the first `width` channels wide (64 in the publication)."""

    mean: Tensor
    scale: Tensor

    def __init__(
        self,
        block: type[Block],
        depths: Sequence[int],
        *,
        width: int = 64,
        classes: int = 1000,
        attend: Attend = lambda stage, channels: None,
        before: bool = False,
    ) -> None:
        super().__init__()
        # Not kept with the weights: torchvision's names are all that is in there.
        self.register_buffer("mean", torch.tensor(MEAN).reshape(3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor(SCALE).reshape(3, 1, 1), persistent=False)
        self.conv1 = nn.Conv2d(3, width, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        came = width
        for stage, depth in enumerate(depths, 1):
            goes = width * 2 ** (stage - 1)
            blocks = nn.ModuleList()
            for number in range(depth):
                stride = 2 if stage > 1 and number == 0 else 1
                blocks.append(block(stage, came, goes, stride, attend, before))
                came = goes * block.expansion
            self.add_module(f"layer{stage}", blocks)
        self.fc = nn.Linear(came, classes)
        scaled_normal(self)

    def forward(self, photographs: Tensor) -> Seen:
        """Photographs [N, 3, height, width], RGB from 0 to 255, uint8 or floating -> what it sees in them.

        Multiples of 32 px make whole places; the paper's are 224.
        """
        x = (photographs.to(self.scale.dtype) - self.mean) / self.scale
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        looks = []
        for stage in range(1, 5):
            for block in self.get_submodule(f"layer{stage}").children():
                x, look = block(x)
                if stage == WATCHED:
                    looks.append(look)
        return Seen(self.fc(x.mean((2, 3))), looks)
