"""Attention: GALA (paper, section 3.1), GALA as its reference trainer has it, squeeze-and-excitation."""

import torch
from torch import Tensor, nn

from clickme_gala.initial import scaled_normal


class GALA(nn.Module):
    """Global-and-local attention (paper, section 3.1), the one that the paper writes down.

    The global path says what matters: average pooling, shrink to `channels // reduction`, ReLU, expand: a
    vector g. The local path says where: a 1x1 convolution to `channels // reduction`, ReLU, another to one
    channel: a picture s. Each channel c adds and multiplies them by weights of its own,

        A = tanh(a_c (g_c + s) + m_c g_c s),

    and the attention A, in (-1, 1), multiplies the activity. The paper does not say where a and m begin; they
    begin at 1.
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__()
        few = max(1, channels // reduction)
        self.shrink = nn.Linear(channels, few)
        self.expand = nn.Linear(few, channels)
        self.local = nn.Sequential(nn.Conv2d(channels, few, 1), nn.ReLU(inplace=True), nn.Conv2d(few, 1, 1))
        self.additive = nn.Parameter(torch.ones(channels))
        self.multiplicative = nn.Parameter(torch.ones(channels))
        scaled_normal(self)

    def forward(self, activity: Tensor) -> tuple[Tensor, Tensor]:
        """Activity [N, C, h, w] -> what attention lets through, and the attention, both [N, C, h, w]."""
        what = self.expand(self.shrink(activity.mean((2, 3))).relu())
        attention = torch.tanh(self._integrate(what, self.local(activity)))
        return activity * attention, attention

    def _integrate(self, what: Tensor, where: Tensor) -> Tensor:
        """a (g + s) + m g s as (a + m g) s + a g: one pass over the volume instead of four."""
        offset = (self.additive * what).to(where.dtype)
        slope = (self.additive + self.multiplicative * what).to(where.dtype)
        return torch.addcmul(offset[:, :, None, None], slope[:, :, None, None], where)


class ReferenceGALA(GALA):
    """GALA as the reference trainer has it (gala_tpu; docs/gala.md), not as the paper does.

    A sigmoid where the paper has tanh; one more convolution, 5x5 with a ReLU, in the local path; a ReLU on
    the global vector; a and m begin at scaled normal values.
    """

    def __init__(self, channels: int, reduction: int = 4) -> None:
        super().__init__(channels, reduction)
        few = max(1, channels // reduction)
        self.local.insert(2, nn.Conv2d(few, few, 5, padding=2))
        self.local.insert(3, nn.ReLU(inplace=True))
        scaled_normal(self.local)
        for weight in (self.additive, self.multiplicative):
            nn.init.normal_(weight, std=channels**-0.5)

    def forward(self, activity: Tensor) -> tuple[Tensor, Tensor]:
        """As `GALA.forward`; the attention is in (0, 1)."""
        what = self.expand(self.shrink(activity.mean((2, 3))).relu()).relu()
        attention = torch.sigmoid(self._integrate(what, self.local(activity)))
        return activity * attention, attention


class SqueezeExcitation(nn.Module):
    """What matters, without where (Hu et al., "Squeeze-and-excitation networks", 2018, section 3)."""

    def __init__(self, channels: int, reduction: int = 16) -> None:
        super().__init__()
        few = max(1, channels // reduction)
        self.shrink = nn.Linear(channels, few)
        self.expand = nn.Linear(few, channels)
        scaled_normal(self)

    def forward(self, activity: Tensor) -> tuple[Tensor, Tensor]:
        """Activity [N, C, h, w] -> what is let through, and that once more: it is what can be looked at."""
        what = self.expand(self.shrink(activity.mean((2, 3))).relu()).sigmoid()
        excited = activity * what[:, :, None, None]
        return excited, excited
