"""Training, from the first photograph to the best weights: the whole of it, read from top to bottom."""

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import chain
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
from clickme_gala.loss import reference_distances, sum_of_distances
from clickme_gala.memory import keep_memory
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
    def finished(self, epoch: Epoch, left_out: list[str]) -> None: ...


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

    Problem `no_maps`, `one_class`, `diverged`, `unreadable`, `stopped`, `other_run` and those of data, recipe
    and files.
    """
    with join() as world:
        # In a function: all that holds the others' gradients is gone before they are taken leave of.
        _train(recipe, data, out, watch, world, maps, weights, workers)


def _train(
    recipe: Recipe,
    data: Path,
    out: Path,
    watch: Watch,
    world: World,
    maps: Path | None,
    weights: Path | None,
    workers: int,
) -> None:
    """As `train`, as one process of a world."""
    if world.device.type == "cpu":
        keep_memory()
    run = Run(out)
    with world.together():
        to_train_on, to_validate_on = open_both(recipe, data, maps)
        network = new_network(recipe, weights, world)
        optimizer = sgd(network, recipe)
        loader, judge = loaders(recipe, world, workers, to_train_on, to_validate_on)
        state = resume(run, network, optimizer)
        if not world.first:
            state.left_out.clear()  # the first has them
    with world.together():
        same_place(world, state, out)
        if world.first:
            from_where = (("path", data), ("maps", maps), ("weights", weights))
            about = {name: str(path.absolute()) for name, path in from_where if path}
            run.begin(recipe, about | {"photographs": len(to_train_on)}, world.device)
            run.write_epochs(state.epochs)  # a kill may have come between them and the checkpoint
            watch.opened(to_train_on, to_validate_on)
    model = world.wrap(compiled(network) if recipe.compile else network)
    with stop_signals() as stopped, curves(out, state) if world.first else nullcontext() as board:
        training = Training(
            recipe=recipe,
            world=world,
            run=run,
            watch=watch,
            stopped=stopped,
            network=network,
            model=model,
            optimizer=optimizer,
            loader=loader,
            judge=judge,
            steps=len(to_train_on) // recipe.batch,
            state=state,
        )
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
        self.unseen.append(forward_backward(self.model, batch, self.recipe, self.world))
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
        self.check(sums)
        self.state.sums += sums.sum(0)
        self.state.seconds += seconds
        if self.world.first:
            loss, photographs = float(sums[-1, 0] / sums[-1, 3]), float(sums[:, 3].sum())
            self.watch.stepped(self.recipe, self.state, self.steps, loss, photographs / seconds)
        due = time.monotonic() - self.kept_at > KEEP_S
        stop, due = self.world.any(self.stopped.is_set(), due)
        # Validation takes its time, and is done again if it is interrupted.
        if stop or due or self.state.step == self.steps:
            self.check_weights()
            self.keep()
        if stop:
            raise self.stop()

    def check(self, sums: Tensor) -> None:
        """Stop where losses of the last steps, [n, 4], are no numbers. Problem `diverged`, `unreadable`."""
        for number, (loss, *_, photographs) in enumerate(sums.tolist()):
            batch = f"batch {self.state.step - len(sums) + number + 1} of {self.steps}"
            if not photographs:
                where = f"{batch} in epoch {self.state.epoch + 1}"
                raise Problem("unreadable", f"No photograph of {where} could be read.")
            if not math.isfinite(loss):
                raise self.diverged(f"The loss became {loss / photographs} in {batch}")

    def check_weights(self) -> None:
        """A loss is of the weights before a step; a checkpoint has those after it. Problem `diverged`."""
        norms = torch._foreach_norm(list(self.network.parameters()))
        if not bool(torch.isfinite(torch.stack(norms)).all()):
            raise self.diverged(f"The weights are no numbers after batch {self.state.step} of {self.steps}")

    def diverged(self, what: str) -> Problem:
        kept = f"The checkpoint before it is kept: {self.run.last}. " if self.run.last.exists() else ""
        return Problem(
            "diverged",
            f"{what} in epoch {self.state.epoch + 1}. {kept}Try a lower --learning-rate, or without --bf16, "
            "in a new folder.",
        )

    def stop(self) -> Problem:
        return Problem(
            "stopped",
            f"Stopped on request in epoch {self.state.epoch + 1} of {self.recipe.epochs}, after "
            f"{self.state.step} of {self.steps} batches. The same command goes on from there.",
        )

    def end_epoch(self, board: Any) -> None:
        """Validate, write down what became of it, and keep the weights."""
        tally = self.validate() if self.judge else None
        if tally and not math.isfinite(tally.loss):
            raise self.diverged("The loss on the validation photographs is no number")
        self.state.left_out = list(chain.from_iterable(self.world.all(self.state.left_out)))
        epoch = sum_up(self.recipe, self.state, tally)
        left_out = self.state.left_out
        self.state = State(epoch=epoch.epoch, epochs=[*self.state.epochs, epoch])
        if self.world.first:
            self.run.write_epochs(self.state.epochs)
            if self.state.best in (None, epoch):
                self.run.save_best(self.network.state_dict())
            self.keep()
            draw(board, epoch)
            self.watch.finished(epoch, left_out)

    def validate(self) -> Tally:
        """How well the network does on all validation photographs, each process on its share.

        Problem `nothing_readable`.
        """
        assert self.judge is not None
        device = self.world.device
        self.network.eval()
        tally = Tally(device)
        with torch.inference_mode():
            for batch in self.judge.once():
                with torch.autocast(device.type, torch.bfloat16, enabled=self.recipe.bf16):
                    seen = self.network(batch.images.to(device, non_blocking=True))
                tally.update(seen.logits.float(), batch.labels.to(device, non_blocking=True))
                self.state.left_out += batch.left_out
                if self.stopped.is_set() and self.world.size == 1:  # others would wait for this one's share
                    raise self.stop()
        self.world.sum(tally.sums)
        if not tally.photographs:
            raise Problem("nothing_readable", "Of the photographs to validate on none can be read.")
        return tally

    def keep(self) -> None:
        """A checkpoint of this moment."""
        if self.world.first:
            self.run.save(self.state, self.network.state_dict(), self.optimizer.state_dict())
        self.kept_at = time.monotonic()


def forward_backward(model: nn.Module, batch: Batch, recipe: Recipe, world: World) -> Tensor:
    """Gradients of Eq. 1 on this process's part of a batch, added to what is there.

    Gives float32 [4]: the sums over photographs of the loss, the cross-entropy and the map term, and how many
    photographs there were. Every photograph of the whole batch weighs alike, whoever has it, in whichever of
    the parts that the batch is accumulated from.
    """
    parts = (batch.images, batch.maps, batch.has_map, batch.labels)
    images, maps, has_map, labels = (part.to(world.device, non_blocking=True) for part in parts)
    whole = world.sum(torch.tensor(float(len(labels)), device=world.device))
    distances = reference_distances if recipe.reference else sum_of_distances
    memory = torch.channels_last if recipe.channels_last else torch.contiguous_format
    sums = torch.zeros(4, device=world.device)
    for number in range(recipe.accumulate):
        part = slice(number, None, recipe.accumulate)
        if not len(labels[part]) and world.size == 1:  # with others, all have to go through the network
            continue
        last = number == recipe.accumulate - 1
        with nullcontext() if last or not isinstance(model, DistributedDataParallel) else model.no_sync():
            with torch.autocast(world.device.type, torch.bfloat16, enabled=recipe.bf16):
                seen = model(images[part].contiguous(memory_format=memory))
            of_classes = cross_entropy(seen.logits.float(), labels[part], reduction="sum")
            of_maps = torch.zeros_like(of_classes)
            if recipe.map_weight:
                of_maps = distances(maps[part], has_map[part], seen.looks).sum()
            # The reference trainer's map term is a sum over the batch, beside a mean cross-entropy.
            loss = of_classes + recipe.map_weight * of_maps * (whole if recipe.reference else 1)
            # Gradients of processes are averaged.
            (loss * (world.size / whole)).backward()
        losses = torch.stack([loss, of_classes, of_maps, loss.new_tensor(len(labels[part]))])
        sums += losses.detach()
    return sums


def loaders(
    recipe: Recipe, world: World, workers: int, to_train_on: Photographs, to_validate_on: Photographs | None
) -> tuple[Loader, Loader | None]:
    """This process's share of both. Problem `uneven_batch`, `too_few_photographs`."""
    if recipe.batch % (world.size * recipe.accumulate):
        raise Problem(
            "uneven_batch",
            f"A batch of {recipe.batch} cannot be shared evenly by {world.size} processes, in "
            f"{recipe.accumulate} parts each.",
        )

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

    return loader(to_train_on, train=True), loader(to_validate_on, train=False) if to_validate_on else None


def same_place(world: World, state: State, out: Path) -> None:
    """Problem `unshared_folder` if the processes would go on from different places."""
    if len(set(world.all((state.epoch, state.step)))) > 1:
        raise Problem(
            "unshared_folder",
            f"Not all processes find the same checkpoint in {out}: every host needs that folder.",
        )


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
    return torch.optim.SGD(groups, lr=1.0, momentum=MOMENTUM, nesterov=True)  # each step sets the rate


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
    """Set by SIGTERM and by Ctrl-C, so that a step in progress is finished first; the second one is final."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def ask(number: int, _: object) -> None:
        asked.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, ask)
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
