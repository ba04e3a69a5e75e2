"""What GALA costs: photographs a second of a training step, side by side, on the device at hand.

    python -m benchmarks.gala [--batch N] [--rounds N] [--bf16] [--channels-last] [--compile]

The networks take turns of a few steps, so that all meet the same machine, in another order each round. A step
is the trainer's own, forward, backward and SGD, on a batch that lies ready. Then training with the loader
beside training without, and the loader alone. Ratios are of turns of one round: their median, and between
which two numbers half of them lie.
"""

import argparse
import os
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path

import torch
from PIL import Image
from rich.console import Console
from rich.progress import track
from rich.table import Table

from clickme_gala.data import open_data
from clickme_gala.data.loader import Loader
from clickme_gala.data.sample import Batch
from clickme_gala.data.views import View
from clickme_gala.memory import keep_memory
from clickme_gala.networks import build
from clickme_gala.parallel import World
from clickme_gala.recipe import Recipe
from clickme_gala.train import compiled, forward_backward, sgd

PLAIN, WHOLE = "ResNet-50", "GALA-ResNet-50 with maps"
NETWORKS = {
    PLAIN: ("resnet-50", 0.0),
    "SE-ResNet-50": ("se-resnet-50", 0.0),
    "GALA-ResNet-50": ("gala-resnet-50", 0.0),
    WHOLE: ("gala-resnet-50", 6.0),
}
LOADED = f"{WHOLE}, with the loader"
ALONE = "the loader alone"
COPIES = 10  # of the 31 bundled photographs


class Trained:
    """A network in training."""

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        torch.manual_seed(recipe.seed)
        network = build(recipe.model).to(device)
        if recipe.channels_last:
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.recipe, self.device = recipe, device
        self.optimizer = sgd(network, recipe)
        self.model = (compiled(network) if recipe.compile else network).train()

    def step(self, batch: Batch) -> None:
        forward_backward(self.model, batch, self.recipe, World(0, 1, self.device))
        self.optimizer.step()
        self.optimizer.zero_grad()

    def per_s(self, batches: Sequence[Batch] | Iterator[Batch]) -> float:
        """Photographs a second, until the device is done with all of these batches."""
        wait(self.device)
        began, photographs = time.perf_counter(), 0
        for batch in batches:
            self.step(batch)
            photographs += len(batch.labels)
        wait(self.device)
        return photographs / (time.perf_counter() - began)


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def ready(batch: int, device: torch.device) -> Batch:
    """A batch as the loader gives it, of noise, on the device."""
    chance = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (batch, 224, 224, 3), dtype=torch.uint8, generator=chance)
    return Batch(
        images=images.permute(0, 3, 1, 2).to(device),
        maps=torch.rand((batch, 224, 224), generator=chance).to(device),
        has_map=torch.ones(batch, dtype=torch.bool, device=device),
        labels=torch.randint(0, 1000, (batch,), generator=chance).to(device),
        left_out=(),
    )


def endless(loader: Loader) -> Iterator[Batch]:
    for epoch in count():
        yield from loader.epoch(epoch)


def data_set(folder: Path) -> Path:
    """The bundled photographs, several times each under other names, painted by code players."""
    from clickme.catalogue.demo import demo_photographs
    from clickme.settings import Settings
    from clickme.studies.imagenette import paint
    from clickme_partner.install import install

    def unheard(step: str, fraction: float | None = None) -> None:
        pass

    photographs = folder / "photographs"
    for source in demo_photographs():
        with Image.open(source.path) as opened:
            small = opened.convert("RGB").resize((320, 320))
        for copy in range(COPIES):
            place = photographs / Path(source.name).parent / f"{Path(source.name).stem}_{copy}.JPEG"
            place.parent.mkdir(parents=True, exist_ok=True)
            small.rotate(copy).save(place, quality=95)
    partner = install("resnet18", folder=folder / "partner", cache=Settings().cache, report=unheard)
    paint(photographs, folder / "data", partner, Unheard(), players=1)
    return folder / "data"


class Unheard:
    """Progress that nobody listens to."""

    def reading(self, done: int) -> None:
        pass

    def writing(self, done: int, total: int) -> None:
        pass


def measured(arguments: argparse.Namespace, data: Path, device: torch.device) -> dict[str, list[float]]:
    """Photographs a second of each turn, by what was measured, a number each round."""
    recipes = {
        name: Recipe(
            model=model,
            map_weight=map_weight,
            bf16=arguments.bf16,
            channels_last=arguments.channels_last,
            compile=arguments.compile,
        )
        for name, (model, map_weight) in NETWORKS.items()
    }
    networks = {name: Trained(recipe, device) for name, recipe in recipes.items()}
    batch = ready(arguments.batch, device)
    loader = Loader(
        open_data(data, "train"),
        View(224, train=True),
        batch=arguments.batch,
        workers=arguments.workers,
        seed=0,
        device=device,
    )
    batches = endless(loader)

    def turn(name: str) -> float:
        if name == ALONE:
            return alone(batches, 16)
        if name == LOADED:
            return networks[WHOLE].per_s(islice(batches, arguments.steps))
        return networks[name].per_s([batch] * arguments.steps)

    names = [*NETWORKS, LOADED, ALONE]
    for name in names:  # the first time memory is laid out, and things are compiled
        turn(name)
    found: dict[str, list[float]] = {name: [] for name in names}
    chance = random.Random(0)
    for _ in track(range(arguments.rounds), "Measuring", console=Console(stderr=True)):
        for name in chance.sample(names, len(names)):
            found[name].append(turn(name))
    return found


def alone(batches: Iterator[Batch], number: int) -> float:
    """Photographs a second that the loader gives to somebody who does nothing with them."""
    for _ in range(number):  # what was prepared while others had their turn
        next(batches)
    began = time.perf_counter()
    photographs = sum(len(batch.labels) for batch in islice(batches, number))
    return photographs / (time.perf_counter() - began)


def ratio(found: dict[str, list[float]], name: str, to: str) -> str:
    """The median of the rounds' ratios, and the quartiles."""
    ratios = [one / other for one, other in zip(found[name], found[to], strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    gpu = torch.cuda.is_available()
    parser.add_argument("--batch", type=int, default=128 if gpu else 16)
    parser.add_argument("--steps", type=int, default=20 if gpu else 1, help="of a turn")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--workers", type=int, default=max((os.cpu_count() or 1) - 1, 1))
    parser.add_argument(
        "--data", type=Path, help="an export to load from, instead of the bundled photographs"
    )
    for switch in ("bf16", "channels-last", "compile"):
        parser.add_argument(f"--{switch}", action="store_true")
    arguments = parser.parse_args()
    device = torch.device("cuda" if gpu else "cpu")
    if not gpu:
        keep_memory()  # as the trainer does
    with tempfile.TemporaryDirectory() as folder:
        found = measured(arguments, arguments.data or data_set(Path(folder)), device)
    name = torch.cuda.get_device_name(device) if gpu else f"{platform.machine()}, {os.cpu_count()} cores"
    switches = [one for one in ("bf16", "channels_last", "compile") if getattr(arguments, one)]
    print(f"{device.type} ({name}), torch {torch.__version__}, {' '.join(switches) or 'float32'}")
    print(f"batches of {arguments.batch}, {arguments.rounds} rounds of {arguments.steps} steps\n")
    table = Table("", "photographs/s", f"of {PLAIN}", "of SE-ResNet-50", "of the same without the loader")
    for name, values in found.items():
        cells = [f"{statistics.median(values):.2f}"]
        if name in NETWORKS:
            cells += [ratio(found, name, PLAIN), ratio(found, name, "SE-ResNet-50")]
        elif name == LOADED:
            cells += ["", "", ratio(found, LOADED, WHOLE)]
        table.add_row(name, *cells)
    Console(width=140).print(table)
    print("\nTargets: with maps 0.87 of ResNet-50 and 1 of SE-ResNet-50; 0.95 with the loader.")


if __name__ == "__main__":
    main()
