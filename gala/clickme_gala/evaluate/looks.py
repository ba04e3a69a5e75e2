"""Where a network looks: one picture each photograph."""

from typing import NamedTuple

import torch
from torch import Tensor

from clickme_gala.loss import fit, reduce
from clickme_gala.resnet import ResNet


class Look(NamedTuple):
    """What one pass through a network shows of N photographs of S x S px."""

    logits: Tensor  # [N, classes]
    attention: Tensor  # [N, h, w]
    saliency: Tensor  # [N, S, S], 0 or more


def attention(network: ResNet, images: Tensor) -> Tensor:
    """The network's last attention [N, h, w], 0 or more: the L2 norm of each column (paper, section 3.3).

    Images are [N, 3, S, S], RGB from 0 to 255. At 224 px h and w are 14. In networks without attention it is
    the activity of the same block.
    """
    with torch.no_grad():
        return reduce(network(images).looks[-1])


def look(network: ResNet, images: Tensor, labels: Tensor) -> Look:
    """Logits, `attention` and saliency at once: forwards once, backwards once.

    Images as for `attention`, labels int64 [N]. Saliency is |d logit of the label / d pixel|, the largest of
    the pixel's colours, which are counted in grey levels: image-specific class saliency (Simonyan et al.,
    "Deep inside convolutional networks", 2014, section 3.1), by which Harmonization's evaluation explains
    networks. The network is in evaluation mode: else photographs of a batch explain each other.
    """
    with torch.enable_grad():
        pixels = images.detach().to(network.scale.dtype).requires_grad_()
        logits, looks = network(pixels)
        (gradient,) = torch.autograd.grad(logits.gather(1, labels[:, None]).sum(), pixels)
    return Look(logits.detach(), reduce(looks[-1].detach()), gradient.abs().amax(1))


def resized(looks: Tensor, size: int) -> Tensor:
    """Looks [N, h, w] at the size of the photographs, [N, size, size]: bicubic, as `loss.fit`."""
    return fit(looks, (size, size))
