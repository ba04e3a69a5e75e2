"""How often a network names another class than the photograph's: top-1 and top-5 error."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

TOP = 5


class Tally:
    """Errors and losses summed over batches, on the device that they were made on.

    `sums` is float64 [4]: photographs, those whose label is not the first guess, those whose label is not
    among the first five, and the sum of cross-entropies. Tallies of parts add up: `all_reduce(tally.sums)`
    makes one of the tallies of several processes. What is read from it waits for the device; `update` never
    does.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.sums = torch.zeros(4, dtype=torch.float64, device=device)

    @torch.no_grad()
    def update(self, logits: Tensor, labels: Tensor) -> None:
        """Count a batch: logits [N, classes], of any float type, and labels int64 [N].

        A class that ties with the label stands before it, and so does every class if the label's logit is not
        a number: a network that says the same of all, or nothing, knows nothing.
        """
        logits = logits.float()
        own = logits.gather(1, labels[:, None])
        rank = (~(logits < own)).sum(1)  # from 1: the label itself is not below itself
        loss = cross_entropy(logits, labels, reduction="sum")
        batch = torch.stack([torch.full_like(loss, len(labels)), (rank > 1).sum(), (rank > TOP).sum(), loss])
        self.sums += batch

    @property
    def photographs(self) -> int:
        return int(self.sums[0])

    @property
    def top1_errors(self) -> int:
        return int(self.sums[1])

    @property
    def top5_errors(self) -> int:
        return int(self.sums[2])

    @property
    def top1(self) -> float:
        """Top-1 error in %, 0 to 100; NaN of no photograph."""
        return self._mean(1) * 100

    @property
    def top5(self) -> float:
        """Top-5 error in %, 0 to 100; NaN of no photograph."""
        return self._mean(2) * 100

    @property
    def loss(self) -> float:
        """The mean cross-entropy in nats; NaN of no photograph."""
        return self._mean(3)

    def _mean(self, which: int) -> float:
        return float(self.sums[which] / self.sums[0])
