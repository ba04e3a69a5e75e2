"""Photographs in batches: shuffled, shared out among processes, decoded by workers."""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from clickme.export.formats import Damaged
from clickme.kit.problems import Problem
from clickme_gala.data.sample import Batch, Photographs
from clickme_gala.data.views import View

AHEAD = 4  # batches that a worker prepares before they are asked for


def order(photographs: int, batch: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The photographs of an epoch in their order: int64, whole batches only, each photograph at most once.

    It is the same for any number of processes. Who is left over waits for the shuffle of the next epoch.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch,)))
    return rng.permutation(photographs)[: photographs // batch * batch]


class Wanted(NamedTuple):
    """A photograph in an epoch: all that its crop and its flip depend on, but for the seed."""

    epoch: int
    number: int

    def rng(self, seed: int) -> np.random.Generator:
        return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=self))


class Loader:
    """Batches of what a network sees; one iteration at a time.

    `batch` counts the photographs of all `world` processes, of which this is number `rank`. `workers`
    processes decode for this one; with 0 it does so itself. Whatever these are, and wherever an epoch is
    taken up again, the same photographs come with the same crops.

    Problem `uneven_batch`; `too_few_photographs` to train on.
    """

    def __init__(
        self,
        photographs: Photographs,
        view: View,
        *,
        batch: int,
        rank: int = 0,
        world: int = 1,
        workers: int,
        seed: int,
        device: torch.device,
    ) -> None:
        if batch % world:
            raise Problem("uneven_batch", f"A batch of {batch} cannot be shared evenly by {world} processes.")
        if view.train and len(photographs) < batch:
            raise Problem(
                "too_few_photographs",
                f"There are {len(photographs)} photographs to train on, fewer than a batch of {batch}: "
                "choose a smaller --batch.",
            )
        self.photographs, self.batch, self.rank, self.world, self.seed = photographs, batch, rank, world, seed
        self.plan = Plan()
        self.batches: DataLoader[Seen | str] = DataLoader(
            Views(photographs, view, seed),
            batch_sampler=self.plan,
            collate_fn=partial(together, size=view.size),
            num_workers=workers,
            worker_init_fn=obey_the_parent_alone,
            pin_memory=device.type == "cuda",
            prefetch_factor=AHEAD if workers else None,
            persistent_workers=workers > 0,
            generator=torch.Generator(),  # of its own: weights come from the common one
        )

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        """This process's part of each whole batch of epoch `number`, but for the first `skip`."""
        chosen = order(len(self.photographs), self.batch, self.seed, number)
        shares = chosen.reshape(-1, self.world, self.batch // self.world)
        return self._batches(number, list(shares[skip:, self.rank]))

    def once(self) -> Iterator[Batch]:
        """This process's part of all photographs, in their order; the last batch may be short."""
        mine = np.array_split(np.arange(len(self.photographs)), self.world)[self.rank]
        size = self.batch // self.world
        return self._batches(0, [mine[first : first + size] for first in range(0, len(mine), size)])

    def _batches(self, epoch: int, parts: Sequence[NDArray[np.int64]]) -> Iterator[Batch]:
        self.plan.epoch, self.plan.parts = epoch, parts
        yield from self.batches


@dataclass
class Plan:
    """Which photographs make which batch, of the iteration that is running."""

    epoch: int = 0
    parts: Sequence[NDArray[np.int64]] = ()

    def __iter__(self) -> Iterator[list[Wanted]]:
        for part in self.parts:
            yield [Wanted(self.epoch, number) for number in part.tolist()]

    def __len__(self) -> int:
        return len(self.parts)


class Seen(NamedTuple):
    """What a network sees of one photograph."""

    image: Tensor
    map: Tensor
    has_map: bool
    label: int


@dataclass(frozen=True)
class Views(Dataset[Seen | str]):
    """What workers are sent, and do: decode a photograph and take its crop."""

    photographs: Photographs
    view: View
    seed: int

    def __getitem__(self, wanted: Wanted) -> Seen | str:
        """A sentence where it cannot be decoded."""
        try:
            sample = self.photographs[wanted.number]
        except Damaged as damaged:
            return str(damaged)
        image, map_ = self.view(sample, wanted.rng(self.seed))
        return Seen(image, map_, sample.map is not None, sample.label)


def together(found: Sequence[Seen | str], size: int) -> Batch:
    """A batch of what could be decoded, of `size` px."""
    seen = [one for one in found if isinstance(one, Seen)]
    images = torch.empty(len(seen), size, size, 3, dtype=torch.uint8).permute(0, 3, 1, 2)
    maps = torch.empty(len(seen), size, size)
    for number, one in enumerate(seen):
        images[number] = one.image
        maps[number] = one.map
    return Batch(
        images,
        maps,
        torch.tensor([one.has_map for one in seen], dtype=torch.bool),
        torch.tensor([one.label for one in seen], dtype=torch.int64),
        tuple(one for one in found if isinstance(one, str)),
    )


def obey_the_parent_alone(_: int) -> None:
    """A worker outlives Ctrl-C, and a SIGTERM that is sent to all: its parent decides when it ends.

    Where nobody says who sent a signal, as on macOS, any SIGTERM ends it. PyTorch has workers end with their
    parent, and use one thread each.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(target=_await_the_parent, daemon=True).start()


def _await_the_parent() -> None:
    if hasattr(signal, "sigwaitinfo"):
        while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
            pass
    else:
        signal.sigwait({signal.SIGTERM})
    os._exit(0)
