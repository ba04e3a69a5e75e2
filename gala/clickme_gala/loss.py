"""The loss that makes attention follow maps (paper, Eq. 1), and the reference trainer's.

    L = cross-entropy + λ Σ_l ‖ R/‖R‖₂ − A_l/‖A_l‖₂ ‖₂

R is the photograph's map, resized to the attention A_l of layer l, which is reduced to one channel.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

TINY = 1e-12  # below any norm that says something; division by it is defined


def sum_of_distances(maps: Tensor, has_map: Tensor, looks: Sequence[Tensor]) -> Tensor:
    """Σ_l ‖ R/‖R‖₂ − A_l/‖A_l‖₂ ‖₂ of each photograph: [N], each layer's in [0, 2]; float32, or float64.

    `maps` is [N, S, S], `has_map` bool [N], `looks` have [N, C, h, w] each. A photograph without a map, or
    whose map is zero in what was cropped of it, has 0: Eq. 1 of it is its cross-entropy (Table 4: maps for
    16 % of the photographs).
    """
    total = torch.zeros(len(maps), dtype=maps.dtype, device=maps.device)
    fitted: dict[torch.Size, Tensor] = {}
    for look in looks:
        size = look.shape[2:]
        if size not in fitted:
            fitted[size] = unit(fit(maps, size).flatten(1))
        map_ = fitted[size]
        distance = torch.linalg.vector_norm(map_ - unit(reduce(look).flatten(1)), dim=1)
        total = total + torch.where(has_map & (map_ != 0).any(1), distance, 0)
    return total


def reduce(look: Tensor) -> Tensor:
    """A volume [N, C, h, w] as one picture [N, h, w]: the L2 norm of each column (paper, section 3.3)."""
    exact = torch.promote_types(look.dtype, torch.float32)
    norms: Tensor = torch.linalg.vector_norm(look, dim=1, dtype=exact)
    return norms


def fit(maps: Tensor, size: Sequence[int]) -> Tensor:
    """Maps [N, S, S] at another size [N, h, w]: bicubic, each place over all that it shrinks (antialiased).

    The cubic is Keys's with a = -0.5; where a map shrinks it is widened by as much, so that no pixel of the
    map is passed over. The paper says bicubic, and no more.
    """
    resized = interpolate(maps[:, None], tuple(size), mode="bicubic", antialias=True, align_corners=False)
    return resized[:, 0]


def unit(flat: Tensor) -> Tensor:
    """Each row of [N, n], divided by its L2 norm."""
    norms: Tensor = torch.linalg.vector_norm(flat, dim=1, keepdim=True)
    return flat / norms.clamp_min(TINY)


def reference_distances(maps: Tensor, has_map: Tensor, looks: Sequence[Tensor]) -> Tensor:
    """As the reference trainer has it (gala_tpu; docs/gala.md), which adds it up over the batch: [N].

    Attention is reduced to the mean of its squares; both sides are divided by √Σx, which is no norm; the
    distance is half the squares summed over places, a mean over layers; maps are resized bilinearly, corner
    on corner.
    """
    terms = []
    for look in looks:
        resized = interpolate(maps[:, None], look.shape[2:], mode="bilinear", align_corners=True)
        attention = look.to(maps.dtype).square().mean(1)
        distance = _by_root_of_sum(resized.flatten(1)) - _by_root_of_sum(attention.flatten(1))
        terms.append((distance * has_map[:, None]).square().sum(1) / 2)
    return torch.stack(terms).mean(0)


def _by_root_of_sum(flat: Tensor) -> Tensor:
    return flat / flat.sum(1, keepdim=True).clamp_min(TINY).sqrt()
