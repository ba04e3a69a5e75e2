"""Training, from the first photograph to the best weights: the whole of it, read from top to bottom."""

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel

from clickme.kit.problems import Problem
from clickme_gala.data import Photographs, open_data
from clickme_gala.data.loader import Loader
from clickme_gala.data.remembered import Remembered
from clickme_gala.data.sample import Batch
from clickme_gala.data.views import View
from clickme_gala.evaluate.accuracy import Tally
from clickme_gala.loss import map_loss, reference_map_loss
from clickme_gala.networks import build, load_weights
from clickme_gala.parallel import World, join, synchronised
from clickme_gala.recipe import MOMENTUM, Recipe
from clickme_gala.resnet import ResNet
from clickme_gala.runs import Epoch, Run, State

KEEP_S = 600.0  # s between checkpoints within an epoch: as much is lost to a power cut, at most


class Watch(Protocol):
    """Told how far a run is; by the first process alone."""

    def opened(self, train: Photographs, validation: Photographs | None) -> None: ...
    def stepped(self, recipe: Recipe, state: State, steps: int, loss: float, per_s: float) -> None: ...
    def finished(self, epoch: Epoch) -> None: ...


def train(
    recipe: Recipe,
    data: Path,
    out: Path,
    watch: Watch,
    *,
    maps: Path | None = None,
    weights: Path | None = None,
    workers: int = 0,
) -> None:
    """Train a network on the photographs in `data`; everything that comes of it is in the folder `out`.

    `data` is an export, or an ILSVRC12 folder, for which `maps` is an export. `weights` is a state dict to
    begin with. Without `workers`, photographs are decoded once and kept in memory while there is room. A run
    that was interrupted goes on where it stopped: the same weights, to the last bit, as if it never had been
    (on CPUs, and on GPUs whose sums are deterministic). Under torchrun all processes share every batch.

    Problem `no_maps`, `one_class`, `diverged`, `stopped`, `other_run` and those of data, recipe and files.
    """
    with join() as world, stop_signals() as stopped:
        # All that holds the other processes' gradients is gone before they are taken leave of.
        _train(recipe, data, out, watch, world, stopped, maps, weights, workers)


def _train(
    recipe: Recipe,
    data: Path,
    out: Path,
    watch: Watch,
    world: World,
    stopped: threading.Event,
    maps: Path | None,
    weights: Path | None,
    workers: int,
) -> None:
    """As `train`, as one process of a world."""
    to_train_on, to_validate_on = open_both(recipe, data, maps)
    network = new_network(recipe, weights, world)
    optimizer = sgd(network, recipe)

    def loader(photographs: Photographs, *, train: bool) -> Loader:
        view = View(recipe.size, train=train)
        return Loader(
            photographs if workers else Remembered(photographs, view.scaled),
            view,
            batch=recipe.batch,
            rank=world.rank,
            world=world.size,
            workers=workers,
            seed=recipe.seed,
            device=world.device,
        )

    training_loader = loader(to_train_on, train=True)  # what cannot be is said before anything is written
    judge = loader(to_validate_on, train=False) if to_validate_on else None
    run = Run(out)
    state = resume(run, network, optimizer)
    if world.first:
        about = {name: str(path) for name, path in (("maps", maps), ("weights", weights)) if path}
        run.begin(recipe, {"path": str(data), "photographs": len(to_train_on)} | about, world.device)
        watch.opened(to_train_on, to_validate_on)
    training = Training(
        recipe=recipe,
        world=world,
        run=run,
        watch=watch,
        stopped=stopped,
        network=network,
        model=world.wrap(compiled(network) if recipe.compile else network),
        optimizer=optimizer,
        loader=training_loader,
        judge=judge,
        steps=len(to_train_on) // recipe.batch,
        state=state,
    )
    with curves(out, state) if world.first else nullcontext() as board:
        for number in range(state.epoch, recipe.epochs):
            training.epoch(number)
            training.end_epoch(board)


@dataclass
class Training:
    """A run in progress."""

    recipe: Recipe
    world: World
    run: Run
    watch: Watch
    stopped: threading.Event
    network: ResNet
    model: nn.Module  # the network, as it is trained: compiled, or shared by all processes
    optimizer: torch.optim.SGD
    loader: Loader
    judge: Loader | None
    steps: int  # of an epoch
    state: State
    unseen: list[Tensor] = field(default_factory=list)  # losses of steps since the last look
    looked_at: float = 0.0  # s
    kept_at: float = field(default_factory=time.monotonic)  # s

    def epoch(self, number: int) -> None:
        """All its steps, from where the run stands."""
        # A look at the losses makes a GPU wait for them.
        every = 1 if self.world.device.type == "cpu" else 10
        self.model.train()
        self.looked_at = time.perf_counter()
        for batch in self.loader.epoch(number, skip=self.state.step):
            self.step(number, batch)
            if len(self.unseen) == every or self.state.step == self.steps:
                self.look()

    def step(self, number: int, batch: Batch) -> None:
        """One batch: forward, backward, and the weights a little further down."""
        rate = self.recipe.rate(number + self.state.step / self.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.unseen.append(forward_backward(self.model, batch, self.recipe, self.world.device))
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.state.step += 1
        self.state.left_out += batch.left_out

    def look(self) -> None:
        """Is all well? Has somebody asked to stop? Is it time to keep what there is?"""
        now = time.perf_counter()
        seconds, self.looked_at = now - self.looked_at, now
        sums = self.world.sum(torch.stack(self.unseen)).double().cpu()
        self.unseen.clear()
        check(sums, self.state, self.steps, self.run)
        self.state.sums += sums.sum(0)
        self.state.seconds += seconds
        if self.world.first:
            loss, photographs = float(sums[-1, 0] / sums[-1, 3]), float(sums[:, 3].sum())
            self.watch.stepped(self.recipe, self.state, self.steps, loss, photographs / seconds)
        stop = self.world.any(self.stopped.is_set())
        if stop or time.monotonic() - self.kept_at > KEEP_S:
            self.keep()
        if stop:
            raise Problem(
                "stopped",
                f"Stopped on request in epoch {self.state.epoch + 1} of {self.recipe.epochs}, after "
                f"{self.state.step} of {self.steps} batches. The same command goes on from there.",
            )

    def end_epoch(self, board: Any) -> None:
        """Validate, write down what became of it, and keep the weights."""
        tally = validate(self.network, self.judge, self.world, self.recipe) if self.judge else None
        epoch = sum_up(self.recipe, self.state, tally)
        self.state = State(epoch=epoch.epoch, epochs=[*self.state.epochs, epoch])
        if not self.world.first:
            return
        if self.state.best in (None, epoch):
            self.run.save_best(self.network.state_dict())
        self.keep()
        self.run.write_epochs(self.state.epochs)
        draw(board, epoch)
        self.watch.finished(epoch)

    def keep(self) -> None:
        """A checkpoint of this moment."""
        if self.world.first:
            self.run.save(self.state, self.network.state_dict(), self.optimizer.state_dict())
        self.kept_at = time.monotonic()


def forward_backward(model: nn.Module, batch: Batch, recipe: Recipe, device: torch.device) -> Tensor:
    """Gradients of Eq. 1 on this process's part of a batch, added to what is there.

    Gives float32 [4]: the sums over photographs of the loss, the cross-entropy and the map term, and how many
    photographs there were.
    """
    parts = (batch.images, batch.maps, batch.has_map, batch.labels)
    images, maps, has_map, labels = (part.to(device, non_blocking=True) for part in parts)
    term = reference_map_loss if recipe.reference else map_loss
    memory = torch.channels_last if recipe.channels_last else torch.contiguous_format
    sums = torch.zeros(4, device=device)
    for number in range(recipe.accumulate):
        part = slice(number, None, recipe.accumulate)
        last = number == recipe.accumulate - 1
        with nullcontext() if last or not isinstance(model, DistributedDataParallel) else model.no_sync():
            with torch.autocast(device.type, torch.bfloat16, enabled=recipe.bf16):
                seen = model(images[part].contiguous(memory_format=memory))
            of_classes = cross_entropy(seen.logits.float(), labels[part])
            of_maps = torch.zeros_like(of_classes)
            if recipe.map_weight:
                of_maps = term(maps[part], has_map[part], seen.looks)
            loss = of_classes + recipe.map_weight * of_maps
            (loss * (len(labels[part]) / len(labels))).backward()
        losses = torch.stack([loss, of_classes, of_maps, torch.ones_like(loss)])
        sums += losses.detach() * len(labels[part])
    return sums


def new_network(recipe: Recipe, weights: Path | None, world: World) -> ResNet:
    """The network as it begins: the same in every process, on its device."""
    torch.manual_seed(recipe.seed)
    network = build(recipe.model, width=recipe.width, reference=recipe.reference)
    if weights is not None:
        load_weights(network, weights)
    network.to(world.device)
    if recipe.channels_last:
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return synchronised(network, world)


def compiled(network: nn.Module) -> nn.Module:
    module: nn.Module = torch.compile(network)  # type: ignore[assignment]
    return module


def open_both(recipe: Recipe, data: Path, maps: Path | None) -> tuple[Photographs, Photographs | None]:
    """The photographs to train on and those to validate on, if there are any."""
    train_photographs = open_data(data, "train", maps=maps, annotation=recipe.annotation)
    if train_photographs.classes < 2:
        raise Problem("one_class", f"All photographs in {data} are of one class: there is nothing to learn.")
    if recipe.map_weight and not train_photographs.with_maps:
        raise Problem(
            "no_maps", f"No photograph in {data} has a map. Name an export with --maps, or --map-weight 0."
        )
    try:
        validation = open_data(data, "validation", maps=maps, annotation=recipe.annotation)
    except Problem as problem:
        if problem.code != "no_split":
            raise
        return train_photographs, None
    return train_photographs, validation


def sgd(network: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    """SGD with Nesterov's momentum; the weights of layers decay, nothing else does."""
    decays: list[Tensor] = []
    others: list[Tensor] = []
    for name, weight in network.named_parameters():
        spared = weight.ndim == 1 or (recipe.reference and ".attention." in name)
        (others if spared else decays).append(weight)
    groups = [
        {"params": decays, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=recipe.rate(0) or 1e-9, momentum=MOMENTUM, nesterov=True)


def resume(run: Run, network: nn.Module, optimizer: torch.optim.SGD) -> State:
    """Where the run stood, put back; the beginning if it is new. Problem `other_checkpoint`."""
    found = run.resume()
    if found is None:
        return State()
    state, weights, momentum = found
    try:
        network.load_state_dict(weights)
        optimizer.load_state_dict(momentum)
    except (RuntimeError, ValueError, KeyError):
        message = f"{run.last} is a checkpoint of another model. Name another folder with --out."
        raise Problem("other_checkpoint", message) from None
    return state


def check(sums: Tensor, state: State, steps: int, run: Run) -> None:
    """Stop where the losses of the last steps, [n, 4], are no numbers; what was kept before is left as it is.

    Problem `diverged`, `unreadable`.
    """
    for number, (loss, *_, photographs) in enumerate(sums.tolist()):
        batch = f"batch {state.step - len(sums) + number + 1} of {steps} in epoch {state.epoch + 1}"
        if not photographs:
            raise Problem("unreadable", f"No photograph of {batch} could be read.")
        if not math.isfinite(loss):
            kept = f"The checkpoint before it is kept: {run.last}. " if run.last.exists() else ""
            raise Problem(
                "diverged",
                f"The loss became {loss / photographs} in {batch}. {kept}Try a lower --learning-rate, or "
                "without --bf16, in a new folder.",
            )


def validate(network: nn.Module, judge: Loader, world: World, recipe: Recipe) -> Tally:
    """How well the network does on all validation photographs, each process on its share."""
    network.eval()
    tally = Tally(world.device)
    with torch.inference_mode():
        for batch in judge.once():
            with torch.autocast(world.device.type, torch.bfloat16, enabled=recipe.bf16):
                seen = network(batch.images.to(world.device, non_blocking=True))
            tally.update(seen.logits.float(), batch.labels.to(world.device, non_blocking=True))
    world.sum(tally.sums)
    return tally


def sum_up(recipe: Recipe, state: State, tally: Tally | None) -> Epoch:
    loss, class_loss, follows, photographs = state.sums.tolist()
    return Epoch(
        epoch=state.epoch + 1,
        learning_rate=recipe.rate(state.epoch + 1 - 1e-6),
        loss=loss / photographs,
        class_loss=class_loss / photographs,
        map_loss=follows / photographs,
        validation_loss=tally.loss if tally else None,
        top1_error=tally.top1 if tally else None,
        top5_error=tally.top5 if tally else None,
        left_out=len(state.left_out),
        photographs_per_s=photographs / state.seconds,
    )


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Set by SIGTERM and by Ctrl-C; a step in progress is finished first."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {
        number: signal.signal(number, lambda *_: asked.set()) for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def curves(out: Path, state: State) -> Iterator[Any]:
    """TensorBoard's writer. What an interrupted run wrote of epochs that come again is hidden."""
    from torch.utils.tensorboard import SummaryWriter

    purge = state.epoch + 1 if state.epoch else None
    with SummaryWriter(str(out / "tensorboard"), purge_step=purge) as writer:
        yield writer


def draw(board: Any, epoch: Epoch) -> None:
    for name, value in vars(epoch).items():
        if name != "epoch" and value is not None:
            board.add_scalar(name, value, epoch.epoch)
    board.flush()
