"""A run's folder: what was asked for, what came of it, and the files from which it goes on.

    run.json       the recipe, the data, the versions of everything
    epochs.csv     a line an epoch
    last.pt        where it stands: weights, momentum, epoch, step
    best.pt        the weights of the best epoch on the validation photographs: a plain state dict
    tensorboard/   the same curves for TensorBoard

Files appear whole or not at all.
"""

import csv
import io
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from clickme.kit.files import whole
from clickme.kit.problems import Problem
from clickme_gala.networks import Weights, build, read_file, read_weights
from clickme_gala.recipe import Recipe
from clickme_gala.resnet import ResNet


@dataclass(frozen=True)
class Epoch:
    """What became of an epoch. Losses are means over photographs, errors are in %."""

    epoch: int  # from 1
    learning_rate: float  # at its end
    loss: float  # on the training photographs, while they were trained on
    class_loss: float  # the cross-entropy in it
    map_loss: float  # the map term in it, before λ; 0 where attention is left alone
    validation_loss: float | None  # cross-entropy; None without validation photographs
    top1_error: float | None
    top5_error: float | None
    left_out: int  # records that could not be decoded, of both
    photographs_per_s: float


@dataclass
class State:
    """Where a run stands, between two steps."""

    epoch: int = 0  # the one that it is in, from 0
    step: int = 0  # steps of it that are done
    sums: Tensor = field(default_factory=lambda: torch.zeros(4, dtype=torch.float64))  # of the epoch so far
    seconds: float = 0.0  # that these steps took
    left_out: list[str] = field(default_factory=list)  # names of records, of the epoch so far
    epochs: list[Epoch] = field(default_factory=list)

    @property
    def best(self) -> Epoch | None:
        """The epoch with the lowest validation error, the lowest loss among equals, the first among those."""
        judged = [epoch for epoch in self.epochs if epoch.top1_error is not None]
        return min(judged, key=lambda epoch: (epoch.top1_error, epoch.validation_loss), default=None)


class Run:
    """The folder of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.last = folder / "last.pt"
        self.best = folder / "best.pt"

    def begin(self, recipe: Recipe, data: dict[str, Any], device: torch.device) -> None:
        """Write down what is about to happen.

        Problem `other_run` if it is not what the folder is of, `no_run` if that cannot be read.
        """
        place = self.folder / "run.json"
        if place.exists():
            before = _about(self.folder)
            found = before["recipe"] | before["data"]
            wanted = _as_json(recipe.as_dict() | data)
            changed = [name for name in found | wanted if found.get(name) != wanted.get(name)]
            if changed:
                raise Problem(
                    "other_run",
                    f"{self.folder} holds a run in which this was otherwise: {', '.join(changed)}. Name "
                    "another folder with --out, or go on with what run.json in it says.",
                )
            return
        versions = {name: version(name) for name in ("clickme", "torch", "numpy", "pillow")}
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
        about = {
            "recipe": recipe.as_dict(),
            "data": data,
            "versions": versions | {"python": platform.python_version()},
            "device": f"{device.type} ({name})",
        }
        self._write("run.json", json.dumps(about, indent=2).encode())

    def save(self, state: State, network: Weights, optimizer: dict[str, Any]) -> None:
        """Keep where the run stands."""
        # vars, not asdict, which would copy the tensors.
        kept = vars(state) | {"epochs": [asdict(epoch) for epoch in state.epochs]}
        self._save(self.last, {"state": kept, "network": network, "optimizer": optimizer})

    def save_best(self, network: Weights) -> None:
        self._save(self.best, network)

    def resume(self) -> tuple[State, Weights, dict[str, Any]] | None:
        """Where the run stood; None if it has not begun. Problem `no_checkpoint` for what cannot be read."""
        if not self.last.exists():
            return None
        found = read_file(self.last, "no_checkpoint")
        try:
            epochs = [Epoch(**epoch) for epoch in found["state"].pop("epochs")]
            return State(**found["state"], epochs=epochs), found["network"], found["optimizer"]
        except (KeyError, TypeError, AttributeError):
            raise Problem("no_checkpoint", f"{self.last} is no checkpoint of this version.") from None

    def write_epochs(self, epochs: list[Epoch]) -> None:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(Epoch.__dataclass_fields__), lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(epoch) for epoch in epochs)
        self._write("epochs.csv", text.getvalue().encode())

    def _write(self, name: str, data: bytes) -> None:
        with whole(self.folder / name) as partial:
            partial.write_bytes(data)

    def _save(self, path: Path, kept: Any) -> None:
        # In memory first: of a full disk torch.save would say something else.
        data = io.BytesIO()
        torch.save(kept, data)
        with whole(path) as partial:
            partial.write_bytes(data.getbuffer())


def recipe_of(run: Path) -> Recipe:
    """How a run was trained. Problem `no_run` if there is none in the folder."""
    return Recipe.from_dict(_about(run)["recipe"])


def data_of(run: Path) -> tuple[Path, Path | None]:
    """What a run was trained on, and the export that its maps came from, if that was another.

    Problem `no_run`.
    """
    data = _about(run)["data"]
    return Path(data["path"]), Path(data["maps"]) if "maps" in data else None


def names_of(runs: Sequence[Path]) -> list[str]:
    """What to call runs: by the ends of their paths, as long as it takes to tell all of them apart."""
    paths = [run.resolve().parts for run in runs]
    length = 1
    while len({path[-length:] for path in paths}) < len(set(paths)):
        length += 1
    return [str(Path(*path[-length:])) for path in paths]


def network_of(run: Path) -> ResNet:
    """The network of a run, with the best weights it had, ready to judge. Problem `no_run`, `no_weights`."""
    recipe = recipe_of(run)
    network = build(recipe.model, width=recipe.width, reference=recipe.reference)
    try:
        network.load_state_dict(read_weights(run / "best.pt"))
    except RuntimeError:
        message = f"{run / 'best.pt'} has the weights of another network than run.json names."
        raise Problem("other_weights", message) from None
    return network.eval()


def _about(run: Path) -> dict[str, Any]:
    """What run.json says. Problem `no_run`."""
    try:
        found: dict[str, Any] = json.loads((run / "run.json").read_text())
        Recipe.from_dict(found["recipe"])
        Path(found["data"]["path"])
    except (OSError, ValueError, KeyError, TypeError):
        message = f"{run} is not the folder of a run of `clickme gala train`."
        raise Problem("no_run", message) from None
    return found


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    """As they come back from a file: tuples are lists there."""
    written: dict[str, Any] = json.loads(json.dumps(values))
    return written
