"""One process or many: what `torchrun` starts works on one network (DistributedDataParallel)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from clickme.kit.problems import Problem
from clickme_gala.resnet import ResNet


@dataclass(frozen=True)
class World:
    """This process among all that train together. Alone it is 0 of 1."""

    rank: int
    size: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether it is the one that writes files and speaks."""
        return self.rank == 0

    def sum(self, values: Tensor) -> Tensor:
        """Values of this process added to those of all others, in place."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values

    def any(self, *flags: bool) -> list[bool]:
        """Of each flag, whether it is so in any process."""
        raised = self.sum(torch.tensor(flags, dtype=torch.float32, device=self.device))
        return [bool(flag) for flag in raised.tolist()]

    def all(self, mine: Any) -> list[Any]:
        """What each process has, in the order of their ranks: small things."""
        if self.size == 1:
            return [mine]
        found: list[Any] = [None] * self.size
        distributed.all_gather_object(found, mine)
        return found

    @contextmanager
    def together(self) -> Iterator[None]:
        """What one process stumbles over in the block, all do: one Problem is raised in each."""
        problem: Problem | None = None
        try:
            yield
        except Problem as mine:
            problem = mine
        for found in self.all(problem):
            if found is not None:
                raise found

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network, with its gradients averaged over all processes; its weights are those of the first."""
        if self.size == 1:
            return network
        devices = [self.device] if self.device.type == "cuda" else None
        return DistributedDataParallel(network, device_ids=devices, forward_sync_buffers=False)


@contextmanager
def join() -> Iterator[World]:
    """Meet the others that torchrun started, if there are any; over NCCL on GPUs, over gloo without."""
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    here = device()
    if size == 1:
        yield World(0, 1, here)
        return
    distributed.init_process_group("nccl" if here.type == "cuda" else "gloo")
    try:
        yield World(rank, size, here)
        distributed.barrier()  # nobody leaves while others still wait for an answer
    finally:
        distributed.destroy_process_group()


def device() -> torch.device:
    """A GPU of this process's own, if there is one; else the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    own = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(own)
    return own


def synchronised(network: ResNet, world: World) -> ResNet:
    """The network with batch norms that see the whole batch, whoever has which part of it.

    Else eight processes with four photographs each would train another network than one with thirty-two.
    """
    if world.size == 1:
        return network
    if world.device.type == "cuda":
        converted: ResNet = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        return converted
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.__class__ = _SynchronisedBatchNorm
    return network


class _SynchronisedBatchNorm(nn.BatchNorm2d):
    """Batch norm over the parts of all processes: what nn.SyncBatchNorm is on GPUs alone."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        assert self.momentum is not None
        places = (0, 2, 3)
        exact = x.float() if x.dtype != torch.float64 else x
        places_here = exact.new_tensor([x.numel() // x.shape[1]])
        sums, count = _sum(torch.cat([exact.sum(places), places_here])).split([x.shape[1], 1])
        mean = sums / count
        # About the mean, not the origin: a difference of two large sums would lose its digits.
        variance = _sum((exact - mean[:, None, None]).square().sum(places)) / count
        with torch.no_grad():
            unbiased = variance * count / (count - 1)
            for kept, seen in ((self.running_mean, mean), (self.running_var, unbiased)):
                assert kept is not None
                kept.lerp_(seen.to(kept.dtype), self.momentum)
            assert self.num_batches_tracked is not None
            self.num_batches_tracked.add_(1)
        scale = torch.rsqrt(variance + self.eps) * self.weight
        normal: Tensor = (exact - mean[:, None, None]) * scale[:, None, None] + self.bias[:, None, None]
        return normal.to(x.dtype)


class _Sum(torch.autograd.Function):
    """Over all processes; the gradient of a part is the sum of what all make of the whole."""

    @staticmethod
    def forward(_: Any, values: Tensor) -> Tensor:
        return _summed(values)

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:
        return _summed(gradient)


def _sum(values: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(values)  # type: ignore[no-untyped-call]
    return total


def _summed(values: Tensor) -> Tensor:
    total = values.clone(memory_format=torch.contiguous_format)
    distributed.all_reduce(total)
    return total
