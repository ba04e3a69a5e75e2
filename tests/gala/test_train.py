"""Training by its own door: what it learns, what it leaves behind, how it goes on after it was stopped."""

import csv
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from clickme.kit.problems import Problem
from clickme_gala.data import Photographs
from clickme_gala.networks import Weights, build, read_weights
from clickme_gala.parallel import World
from clickme_gala.recipe import Recipe
from clickme_gala.runs import Epoch, Run, State, network_of, recipe_of
from clickme_gala.train import forward_backward, train
from export.beside.made import RELIABILITY
from gala.made import data_set, export, records

ALONE = World(0, 1, torch.device("cpu"))
SMALL = Recipe(model="gala-resnet-18", epochs=3, batch=8, width=8, size=64, learning_rate=0.05)


class Watching:
    """Notes what it is told, and does `then` at a step."""

    def __init__(self, step: tuple[int, int] = (-1, -1), then: Callable[[], object] = list) -> None:
        self.at, self.then = step, then
        self.epochs: list[Epoch] = []
        self.steps: list[tuple[int, int]] = []
        self.validated_on = 0
        self.left_out: list[str] = []

    def opened(self, train: Photographs, validation: Photographs | None) -> None:
        self.validated_on = len(validation) if validation else 0

    def stepped(self, recipe: Recipe, state: State, steps: int, loss: float, per_s: float) -> None:
        self.steps.append((state.epoch, state.step))
        if self.steps[-1] == self.at:
            self.then()

    def finished(self, epoch: Epoch, left_out: list[str]) -> None:
        self.epochs.append(epoch)
        self.left_out += left_out


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data_set(
        tmp_path_factory.mktemp("data") / "set", photographs={"train": 40, "validation": 8}, classes=4
    )


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def same(a: Weights, b: Weights) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_it_learns_and_leaves_a_run_behind(data: Path, tmp_path: Path) -> None:
    watch = Watching()
    train(replace(SMALL, epochs=6), data, tmp_path / "run", watch)
    first, *_, last = watch.epochs
    assert last.class_loss < 0.5 * first.class_loss
    assert last.map_loss < first.map_loss
    assert last.top1_error is not None
    assert last.top1_error < 50  # four classes: 75 % by chance
    assert watch.validated_on == 8
    run = Run(tmp_path / "run")
    with (run.folder / "epochs.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert float(rows[-1]["loss"]) == last.loss
    assert last.loss == pytest.approx(last.class_loss + 6 * last.map_loss, rel=1e-5)
    assert list((run.folder / "tensorboard").glob("events.*"))
    assert recipe_of(run.folder) == replace(SMALL, epochs=6)
    # The best epoch's weights are kept, not the last's.
    found = run.resume()
    assert found is not None
    best = found[0].best
    assert best is not None
    assert best.top1_error == min(epoch.top1_error for epoch in watch.epochs if epoch.top1_error is not None)
    assert same(network_of(run.folder).state_dict(), read_weights(run.best))
    assert not list(run.folder.glob(".*"))


@pytest.mark.parametrize("model", ["resnet-18", "se-resnet-18", "gala-resnet-18"])
@pytest.mark.parametrize("annotation", ["maps", "boxes"])
def test_every_network_and_control_trains(model: str, annotation: str, data: Path, tmp_path: Path) -> None:
    watch = Watching()
    recipe = replace(SMALL, model=model, annotation=annotation, epochs=2)  # type: ignore[arg-type]
    train(recipe, data, tmp_path, watch)
    assert watch.epochs[1].map_loss < watch.epochs[0].map_loss


@pytest.mark.parametrize(
    "switches", [{"bf16": True}, {"channels_last": True}, {"accumulate": 2}, {"reference": True}]
)
def test_switches(switches: dict[str, bool], data: Path, tmp_path: Path) -> None:
    watch = Watching()
    train(replace(SMALL, epochs=2, **switches), data, tmp_path, watch)  # type: ignore[arg-type]
    assert watch.epochs[1].class_loss < watch.epochs[0].class_loss


@pytest.mark.filterwarnings(r"ignore:`torch\.jit\.\w+` is deprecated:DeprecationWarning")  # PyTorch's own use
def test_compiled(data: Path, tmp_path: Path) -> None:
    """Wrapped by torch.compile, without waiting for its compiler: names and weights are the network's own."""
    watch = Watching()
    with torch.compiler.set_stance("force_eager"):
        train(replace(SMALL, epochs=2, compile=True), data, tmp_path, watch)
    assert watch.epochs[1].class_loss < watch.epochs[0].class_loss
    assert network_of(tmp_path).state_dict().keys() == build("gala-resnet-18", width=8).state_dict().keys()


@pytest.fixture(scope="module")
def unbroken(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that nobody disturbed."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    train(SMALL, data, folder, Watching())
    return Run(folder)


def agree(run: Run, other: Run) -> None:
    """The same weights, momentum and epochs, to the last bit; but for the speed."""
    mine, theirs = run.resume(), other.resume()
    assert mine is not None
    assert theirs is not None
    (state, weights, momentum), (state_there, weights_there, momentum_there) = mine, theirs
    assert same(weights, weights_there)
    assert same(read_weights(run.best), read_weights(other.best))
    assert momentum["state"].keys() == momentum_there["state"].keys()
    for number, kept in momentum["state"].items():
        assert torch.equal(kept["momentum_buffer"], momentum_there["state"][number]["momentum_buffer"])
    for epoch, there in zip(state.epochs, state_there.epochs, strict=True):
        assert replace(epoch, photographs_per_s=0) == replace(there, photographs_per_s=0)


@pytest.mark.parametrize("step", [(0, 1), (0, 5), (1, 3), (2, 4)])
def test_stopped_by_sigterm_and_resumed_is_never_stopped(
    step: tuple[int, int], unbroken: Run, data: Path, tmp_path: Path
) -> None:
    with pytest.raises(Problem, match="The same command goes on from there") as caught:
        train(SMALL, data, tmp_path, Watching(step, terminate))
    assert caught.value.code == "stopped"
    watch = Watching()
    train(SMALL, data, tmp_path, watch)
    # It went on where it was, and did nothing twice.
    epoch, done = step
    assert watch.steps[0] == ((epoch, done + 1) if done < 5 else (epoch + 1, 1))
    agree(Run(tmp_path), unbroken)


class Cut(BaseException):
    """The power fails."""


def test_a_power_cut_costs_what_came_after_the_checkpoint_and_nothing_else(
    unbroken: Run, data: Path, tmp_path: Path
) -> None:
    def cut() -> None:
        raise Cut

    with pytest.raises(Cut):
        train(SMALL, data, tmp_path, Watching((1, 3), cut))
    watch = Watching()
    train(SMALL, data, tmp_path, watch)
    assert watch.steps[0] == (1, 1)
    agree(Run(tmp_path), unbroken)


def test_a_finished_run_is_left_as_it_is(unbroken: Run, data: Path) -> None:
    watch = Watching()
    before = unbroken.last.read_bytes()
    train(SMALL, data, unbroken.folder, watch)
    assert not watch.steps
    assert unbroken.last.read_bytes() == before


def torchrun(processes: int, *arguments: object) -> "subprocess.CompletedProcess[str]":
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={processes}", "--no-python"),
            # A port of its own: tests run side by side.
            *("--rdzv-backend=static", "--master-addr=127.0.0.1", f"--master-port={port}"),
            *(str(Path(sys.executable).with_name("clickme")), "gala", "train", *map(str, arguments)),
        ],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


OPTIONS = ("--model", "gala-resnet-18", "--width", 8, "--size", 64, "--learning-rate", 0.01, "--workers", 0)


def losses_of(processes: int, data: Path, out: Path, *options: object) -> list[float | None]:
    """The losses of an epoch that so many processes shared."""
    done = torchrun(processes, data, *OPTIONS, *options, "--epochs", 1, "--out", out)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    found = Run(out).resume()
    assert found is not None
    (epoch,) = found[0].epochs
    return [epoch.loss, epoch.class_loss, epoch.map_loss, epoch.validation_loss]


@pytest.mark.parametrize(
    ("options", "unreadable"),
    [(("--batch", 8), 0), (("--batch", 8, "--reference", "--map-weight", 0.01), 0), (("--batch", 4), 3)],
    ids=["paper", "reference", "unreadable"],
)
def test_two_processes_are_as_one(
    options: tuple[object, ...], unreadable: int, data: Path, tmp_path: Path
) -> None:
    """Also where some photographs cannot be read, and the processes have unlike shares of a batch."""
    if unreadable:
        data = damaged(tmp_path / "set", unreadable)
    one = losses_of(1, data, tmp_path / "1", *options)
    # Sums in another order differ in their last bits, and so few steps do not carry that far.
    assert losses_of(2, data, tmp_path / "2", *options) == pytest.approx(one, rel=1e-4)
    assert None not in one
    for processes in ("1", "2"):
        _, line = (tmp_path / processes / "epochs.csv").read_text().splitlines()
        assert line.split(",")[-2] == str(unreadable)


def damaged(folder: Path, unreadable: int, split: str = "train") -> Path:
    """A data set of which so many photographs are cut short."""
    made = [one for name, number in (("train", 24), ("validation", 8)) for one in records(name, number, 4)]
    for number, one in enumerate(found for found in made if found.split == split):
        if number < unreadable:
            assert one.image is not None
            made[made.index(one)] = replace(one, image=one.image[:300])
    return export(folder, made, reliability=RELIABILITY)


def test_what_one_process_stumbles_over_is_said_once(data: Path, tmp_path: Path) -> None:
    done = torchrun(2, data, *OPTIONS, "--batch", 64, "--out", tmp_path)
    assert done.returncode != 0
    assert done.stderr.count("clickme: There are 40 photographs to train on") == 1
    assert "Traceback" not in done.stderr.partition("ChildFailedError")[0].partition("torch/distributed")[0]


def test_parts_of_a_batch_add_up_to_its_gradient() -> None:
    """In evaluation mode, where batch norms do not see the batch."""
    from clickme_gala.data.sample import Batch

    chance = torch.Generator().manual_seed(0)
    batch = Batch(
        images=torch.randint(0, 256, (6, 3, 64, 64), dtype=torch.uint8, generator=chance),
        maps=torch.rand((6, 64, 64), generator=chance),
        has_map=torch.tensor([True, False, True, True, False, True]),
        labels=torch.arange(6),
        left_out=(),
    )
    gradients = []
    for parts in (1, 3):
        torch.manual_seed(0)
        network = build("gala-resnet-18", width=8).eval()
        sums = forward_backward(network, batch, replace(SMALL, batch=6, accumulate=parts), ALONE)
        assert sums[3] == 6
        gradients.append([weight.grad for weight in network.parameters()])
    for whole, summed in zip(*gradients, strict=True):
        assert whole is not None
        assert summed is not None
        assert (summed - whole).norm() <= 1e-4 * whole.norm()


def problem(recipe: Recipe, data: Path, out: Path, **choices: Path) -> Problem:
    with pytest.raises(Problem) as caught:
        train(recipe, data, out, Watching(), **choices)  # type: ignore[arg-type]
    return caught.value


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_checkpoint(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rate(self: Recipe, epoch: float) -> float:
        return 0.05 if epoch < 1.4 else 1e30

    monkeypatch.setattr(Recipe, "rate", rate)
    kept: list[bytes] = []
    watch = Watching((1, 1), lambda: kept.append((tmp_path / "last.pt").read_bytes()))
    with pytest.raises(Problem) as caught:
        train(SMALL, data, tmp_path, watch)
    assert caught.value.code == "diverged"
    assert "batch 4 of 5 in epoch 2" in caught.value.message
    assert str(tmp_path / "last.pt") in caught.value.message
    assert [(tmp_path / "last.pt").read_bytes()] == kept
    for weight in read_weights(tmp_path / "best.pt").values():
        assert torch.isfinite(weight).all()


def test_weights_that_blow_up_in_the_last_batch_are_not_kept(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss is looked at before the step that ruins them."""
    monkeypatch.setattr(Recipe, "rate", lambda self, epoch: 1e30 if epoch >= 1.8 else 0.05)
    with pytest.raises(Problem) as caught:
        train(SMALL, data, tmp_path, Watching())
    assert caught.value.code == "diverged"
    assert "in epoch 2" in caught.value.message
    found = Run(tmp_path).resume()
    assert found is not None
    assert (found[0].epoch, found[0].step) == (1, 0)  # as the first epoch left it
    for weights in (found[1], read_weights(tmp_path / "best.pt")):
        assert all(weight.abs().max() < 1e6 for weight in weights.values())


@pytest.mark.parametrize("choices", [{"batch": 1}, {"batch": 4, "accumulate": 4}, {"batch": 8}])
def test_photographs_that_cannot_be_read_are_named_and_left_out(
    choices: dict[str, int], tmp_path: Path
) -> None:
    watch = Watching()
    recipe = replace(SMALL, model="resnet-18", map_weight=0, epochs=1, **choices)  # type: ignore[arg-type]
    data = damaged(tmp_path / "set", 3)
    if choices["batch"] == 1:
        assert problem(recipe, data, tmp_path / "run").code == "unreadable"
        return
    train(recipe, data, tmp_path / "run", watch)
    assert watch.epochs[0].left_out == len(watch.left_out) == 3
    assert all("cannot be decoded" in sentence for sentence in watch.left_out)
    assert math.isfinite(watch.epochs[0].loss)


def test_validation_photographs_that_cannot_be_read(tmp_path: Path) -> None:
    watch = Watching()
    train(replace(SMALL, epochs=1), damaged(tmp_path / "some", 3, "validation"), tmp_path / "run", watch)
    assert watch.epochs[0].left_out == len(watch.left_out) == 3
    data = damaged(tmp_path / "none", 8, "validation")
    assert problem(replace(SMALL, epochs=1), data, tmp_path / "nothing").code == "nothing_readable"
    assert not (tmp_path / "nothing" / "best.pt").exists()


def test_killed_before_the_table_was_written(data: Path, unbroken: Run, tmp_path: Path) -> None:
    shutil.copytree(unbroken.folder, tmp_path / "run")
    (tmp_path / "run" / "epochs.csv").write_text("")
    train(SMALL, data, tmp_path / "run", Watching())
    written, there = (folder / "epochs.csv" for folder in (tmp_path / "run", unbroken.folder))
    assert written.read_text() == there.read_text()


def test_a_second_request_is_final(data: Path, tmp_path: Path) -> None:
    """Once it is asked to stop, the next Ctrl-C does what it does elsewhere."""

    def twice() -> None:
        asked = signal.getsignal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        while signal.getsignal(signal.SIGINT) is asked:
            pass  # two that come while none of them is looked at would be one
        signal.raise_signal(signal.SIGINT)

    # A shell has what it starts in the background ignore Ctrl-C, these tests too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            train(SMALL, data, tmp_path, Watching((0, 2), twice))
    finally:
        signal.signal(signal.SIGINT, before)


def test_one_class(tmp_path: Path) -> None:
    data = data_set(tmp_path / "set", photographs={"train": 8, "validation": 2}, classes=1)
    assert problem(SMALL, data, tmp_path / "run").code == "one_class"


def test_a_run_of_another_recipe(unbroken: Run, data: Path) -> None:
    found = problem(replace(SMALL, seed=1, bf16=True), data, unbroken.folder)
    assert found.code == "other_run"
    assert "seed, bf16" in found.message


def test_a_checkpoint_of_another_model(unbroken: Run, data: Path, tmp_path: Path) -> None:
    (tmp_path / "last.pt").write_bytes(unbroken.last.read_bytes())
    found = problem(replace(SMALL, model="resnet-18"), data, tmp_path)
    assert found.code == "other_checkpoint"
    assert "another model" in found.message


def test_a_checkpoint_that_was_cut_short(unbroken: Run, data: Path, tmp_path: Path) -> None:
    (tmp_path / "last.pt").write_bytes(unbroken.last.read_bytes()[:1000])
    assert problem(SMALL, data, tmp_path).code == "no_checkpoint"


def test_fewer_photographs_than_a_batch(data: Path, tmp_path: Path) -> None:
    assert problem(replace(SMALL, batch=64), data, tmp_path).code == "too_few_photographs"


def test_weights_to_begin_with(unbroken: Run, data: Path, tmp_path: Path) -> None:
    watch = Watching()
    train(replace(SMALL, epochs=1), data, tmp_path, watch, weights=unbroken.best)
    fresh = Watching()
    train(replace(SMALL, epochs=1), data, tmp_path / "fresh", fresh)
    assert watch.epochs[0].class_loss < fresh.epochs[0].class_loss
