"""Which pixels a decision depends on, and where two networks differ (paper, Fig. 8): SmoothGrad."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clickme_gala.figures.pictures import over_paper, rgb, rows_of_pictures
from clickme_gala.figures.style import ACCENT, CONTRAST, INK

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Maps = NDArray[np.floating]


def smoothgrad(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    samples: int = 50,
    noise: float = 0.15,
    seed: int = 0,
) -> NDArray[np.float32]:
    """How much the logit of its label depends on each pixel of a photograph: float32 [N, S, S], 0 or more.

    The gradient by the pixels is averaged over `samples` copies of a photograph with Gaussian noise, whose
    sigma is the share `noise` of that photograph's range of values; then the absolute values of the three
    colours are added (Smilkov et al. 2017, sections 2 and 3). `images` is uint8 [N, 3, S, S], `labels` int64
    [N]. The noise depends on the seed alone, and is the same for all photographs.
    """
    device = next(network.parameters()).device
    pixels, labels = images.to(device).float(), labels.to(device)
    sigma = noise * (pixels.amax((1, 2, 3), keepdim=True) - pixels.amin((1, 2, 3), keepdim=True))
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros_like(pixels)
    training = network.training
    network.eval()
    try:
        for _ in range(samples):
            noisy = pixels + sigma * torch.randn(pixels.shape[1:], generator=generator).to(device)
            noisy.requires_grad_()
            logits = network(noisy).logits
            (moved,) = torch.autograd.grad(logits.gather(1, labels[:, None]).sum(), noisy)
            total += moved
    finally:
        network.train(training)
    return np.asarray((total / samples).abs().sum(1).cpu().numpy(), dtype=np.float32)


def smoothgrad_figure(
    photographs: NDArray[np.uint8],
    names: Sequence[str],
    first: tuple[str, Maps],
    second: tuple[str, Maps],
) -> "Figure":
    """A row for each photograph: itself, what two networks depend on, and the difference.

    `photographs` is uint8 [N, S, S, 3] RGB; `first` and `second` are a network's name and its maps [N, S, S],
    as `smoothgrad` gives them. Each map is taken as shares of its sum, so that a network with larger
    gradients is not one that looks more.
    """
    ours, theirs = shares(first[1]), shares(second[1])
    foot = f"Last column: orange where {second[0]} depends more on a pixel, blue where {first[0]} does."
    return rows_of_pictures(
        names,
        ["photograph", first[0], second[0], "difference"],
        [photographs, _inked(ours), _inked(theirs), _two_coloured(theirs - ours)],
        foot=foot,
    )


def shares(maps: Maps) -> NDArray[np.float64]:
    """Maps [N, S, S], each divided by its sum; a map that is zero stays so."""
    sums = maps.sum((1, 2), keepdims=True, dtype=np.float64)
    return np.asarray(maps / np.where(sums == 0, 1, sums), dtype=np.float64)


def _inked(maps: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The more, the more ink."""
    return over_paper(np.broadcast_to(rgb(INK), (*maps.shape, 3)), _strength(maps))


def _two_coloured(differences: NDArray[np.float64]) -> NDArray[np.uint8]:
    colours = np.where((differences > 0)[..., None], rgb(ACCENT), rgb(CONTRAST))
    return over_paper(colours, _strength(np.abs(differences)))


def _strength(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 to 1, by each map's 99th percentile: a few pixels above it would leave the rest pale."""
    most = np.percentile(maps, 99, axis=(1, 2), keepdims=True)
    return np.asarray((maps / np.where(most == 0, 1, most)).clip(0, 1), dtype=np.float64)
