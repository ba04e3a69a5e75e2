"""Batches: what comes, in which order, and that it is nothing to it who decodes them."""

import multiprocessing
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clickme.kit.problems import Problem
from clickme_gala.data import Batch, Photographs, open_data
from clickme_gala.data.loader import Loader, order
from clickme_gala.data.views import View
from gala.made import export, records

CPU = torch.device("cpu")
MADE = records("train", 26, 5)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Photographs:
    return open_data(export(tmp_path_factory.mktemp("data"), MADE), "train")


def loader(photographs: Photographs, *, train: bool = True, **options: Any) -> Loader:
    chosen: dict[str, Any] = {"batch": 8, "workers": 0, "seed": 3, "device": CPU} | options
    return Loader(photographs, View(32, train=train), **chosen)


def assert_same(found: Sequence[Batch], wanted: Sequence[Batch]) -> None:
    for one, other in zip(found, wanted, strict=True):
        for name in ("images", "maps", "has_map", "labels"):
            assert torch.equal(getattr(one, name), getattr(other, name)), name
        assert one.left_out == other.left_out


def joined(parts: Sequence[Batch]) -> Batch:
    """The parts of one batch that several processes have, in their order."""
    return Batch(
        torch.cat([part.images for part in parts]),
        torch.cat([part.maps for part in parts]),
        torch.cat([part.has_map for part in parts]),
        torch.cat([part.labels for part in parts]),
        tuple(said for part in parts for said in part.left_out),
    )


@given(st.integers(1, 200), st.integers(1, 40), st.integers(0, 2**31), st.integers(0, 1000))
def test_an_epoch_is_whole_batches_of_different_photographs(
    photographs: int, batch: int, seed: int, epoch: int
) -> None:
    found = order(photographs, batch, seed, epoch)

    assert found.dtype == np.int64
    assert len(found) == photographs - photographs % batch
    assert len(set(found.tolist())) == len(found)
    assert set(found.tolist()) <= set(range(photographs))
    np.testing.assert_array_equal(found, order(photographs, batch, seed, epoch))


def test_epochs_and_seeds_shuffle_anew_and_nobody_waits_for_ever() -> None:
    epochs = [order(101, 10, 0, epoch) for epoch in range(12)]

    assert len({tuple(found) for found in epochs}) == 12
    assert set(np.concatenate(epochs)) == set(range(101))
    assert not np.array_equal(order(101, 10, 0, 0), order(101, 10, 1, 0))


def test_a_batch(photographs: Photographs) -> None:
    batches = list(loader(photographs).epoch(0))

    assert len(batches) == 3
    for batch in batches:
        assert (batch.images.dtype, batch.images.shape) == (torch.uint8, (8, 3, 32, 32))
        assert (batch.maps.dtype, batch.maps.shape) == (torch.float32, (8, 32, 32))
        assert (batch.has_map.dtype, batch.labels.dtype) == (torch.bool, torch.int64)
        assert batch.has_map.all()
        assert batch.left_out == ()
    labels = [MADE[number].label for number in order(26, 8, 3, 0)]
    assert torch.cat([batch.labels for batch in batches]).tolist() == labels


def test_each_photograph_comes_with_its_own_map_and_label(photographs: Photographs) -> None:
    for batch, first in zip(loader(photographs, train=False).once(), range(0, 26, 8), strict=True):
        for row in range(len(batch.labels)):
            image, map_ = View(32, train=False)(photographs[first + row], np.random.default_rng(0))
            assert torch.equal(batch.images[row], image)
            assert torch.equal(batch.maps[row], map_)
            assert batch.labels[row] == MADE[first + row].label


@settings(max_examples=15)
@given(st.sampled_from([1, 2, 4, 8]), st.integers(0, 3), st.integers(0, 5), st.integers(0, 2**31))
def test_neither_processes_nor_where_an_epoch_is_taken_up_change_anything(
    photographs: Photographs, world: int, skip: int, epoch: int, seed: int
) -> None:
    alone = list(loader(photographs, seed=seed).epoch(epoch))
    shares = [
        list(loader(photographs, rank=rank, world=world, seed=seed).epoch(epoch, skip=skip))
        for rank in range(world)
    ]

    assert_same([joined(parts) for parts in zip(*shares, strict=True)], alone[skip:])


def test_workers_change_nothing_and_stay_for_the_next_epoch(photographs: Photographs) -> None:
    alone, shared = loader(photographs), loader(photographs, workers=2)

    for epoch, skip in ((0, 0), (0, 1), (4, 0)):
        assert_same(list(shared.epoch(epoch, skip)), list(alone.epoch(epoch, skip)))
    workers = {worker.pid for worker in multiprocessing.active_children()}
    next(shared.epoch(5))  # and the rest is not wanted
    assert_same(list(shared.once()), list(alone.once()))
    assert {worker.pid for worker in multiprocessing.active_children()} == workers


def test_an_epoch_has_crops_of_its_own(photographs: Photographs) -> None:
    every = loader(photographs, batch=26)
    first, second = (next(every.epoch(epoch)) for epoch in (0, 1))
    places = [np.argsort(order(26, 26, 3, epoch)) for epoch in (0, 1)]

    assert not torch.equal(first.images[places[0]], second.images[places[1]])


@pytest.mark.parametrize("world", [1, 3, 4])
def test_once_has_all_photographs_in_their_order(photographs: Photographs, world: int) -> None:
    shares = [
        list(loader(photographs, train=False, batch=12, rank=rank, world=world).once())
        for rank in range(world)
    ]

    labels = [label for share in shares for batch in share for label in batch.labels.tolist()]
    assert labels == [record.label for record in MADE]
    assert {len(batch.labels) for share in shares for batch in share[:-1]} <= {12 // world}


def test_once_is_for_few_photographs_as_well(photographs: Photographs) -> None:
    (batch,) = loader(photographs, train=False, batch=64).once()

    assert len(batch.labels) == 26


@pytest.mark.parametrize("workers", [0, 1])
def test_what_cannot_be_decoded_is_named_and_left_out(tmp_path: Path, workers: int) -> None:
    torn = [replace(record, image=b"\xff\xd8\xff") for record in MADE[:6]]
    photographs = open_data(export(tmp_path, [*torn, *MADE[6:12]]), "train")

    first, second, third = loader(photographs, train=False, batch=4, workers=workers).once()

    assert [len(batch.labels) for batch in (first, second, third)] == [0, 2, 4]
    assert first.images.shape == (0, 3, 32, 32)
    assert first.maps.shape == (0, 32, 32)
    assert [len(batch.left_out) for batch in (first, second, third)] == [4, 2, 0]
    assert second.left_out[0].startswith("the photograph of record 4 of clickme-train")


def test_the_generator_that_weights_come_from_is_left_alone(photographs: Photographs) -> None:
    before = torch.get_rng_state()

    list(loader(photographs).epoch(0))

    assert torch.equal(torch.get_rng_state(), before)


def test_a_signal_to_all_ends_no_worker(photographs: Photographs) -> None:
    before = set(multiprocessing.active_children())
    found = loader(photographs, workers=1)
    batches = found.epoch(0)
    seen = [next(batches)]
    (worker,) = set(multiprocessing.active_children()) - before
    for name in ("INT", "TERM"):
        subprocess.run(["kill", f"-{name}", str(worker.pid)], check=True)
    seen += [*batches, *found.epoch(1)]

    assert_same(seen, [batch for epoch in (0, 1) for batch in loader(photographs).epoch(epoch)])
    assert worker.is_alive()


def test_a_worker_ends_when_its_parent_says_so(photographs: Photographs) -> None:
    before = set(multiprocessing.active_children())
    found = loader(photographs, workers=1)
    list(found.epoch(0))
    (worker,) = set(multiprocessing.active_children()) - before
    worker.terminate()
    worker.join()

    assert worker.exitcode == 0


def test_a_worker_ends_where_nobody_says_who_sent_a_signal(
    photographs: Photographs, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delattr(signal, "sigwaitinfo")  # as on macOS
    before = set(multiprocessing.active_children())
    found = loader(photographs, workers=1)
    assert_same(list(found.epoch(0)), list(loader(photographs).epoch(0)))
    (worker,) = set(multiprocessing.active_children()) - before
    worker.terminate()
    worker.join()

    assert worker.exitcode == 0
    assert capfd.readouterr().err == ""


def test_batches_are_shared_evenly(photographs: Photographs) -> None:
    with pytest.raises(Problem, match="A batch of 8 cannot be shared evenly by 3 processes") as raised:
        loader(photographs, world=3)

    assert raised.value.code == "uneven_batch"


def test_fewer_photographs_than_a_batch_are_too_few_to_train_on(photographs: Photographs) -> None:
    with pytest.raises(Problem, match="26 photographs to train on, fewer than a batch of 27") as raised:
        loader(photographs, batch=27)

    assert raised.value.code == "too_few_photographs"
