"""Figures of runs: what networks that were trained look at, on photographs of a data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clickme.export.formats import Damaged
from clickme.kit.problems import Problem
from clickme_gala.data import Photographs
from clickme_gala.data.sample import Sample
from clickme_gala.data.views import View
from clickme_gala.evaluate.looks import attention
from clickme_gala.figures.attention import attention_figure
from clickme_gala.figures.smoothgrad import smoothgrad, smoothgrad_figure
from clickme_gala.figures.sweep import SweepPoint, sweep_figure
from clickme_gala.runs import names_of, network_of, recipe_of
from clickme_gala.sweep import Point

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Shown:
    """Photographs as one network sees them: uint8 [N, 3, S, S], maps float32 [N, S, S], labels int64 [N]."""

    images: Tensor
    maps: Tensor
    labels: Tensor

    @property
    def photographs(self) -> NDArray[np.uint8]:
        """[N, S, S, 3]."""
        return self.images.permute(0, 2, 3, 1).numpy()


def drawn(photographs: Photographs, count: int, seed: int, *, with_map: bool = True) -> list[Sample]:
    """So many photographs, drawn at random, of as many classes as there are; those that have a map, or any.

    What cannot be read is passed over. Problem `no_maps`, `nothing_readable`.
    """
    found: list[Sample] = []
    again: list[Sample] = []
    for number in np.random.default_rng(seed).permutation(len(photographs)).tolist():
        try:
            sample = photographs[number]
        except Damaged:
            continue
        if sample.map is None and with_map:
            continue
        known = {one.label for one in found}
        (again if sample.label in known else found).append(sample)
        if len(found) in (count, photographs.classes) and len(found) + len(again) >= count:
            break
    if not found and with_map and not photographs.with_maps:
        raise Problem("no_maps", "No photograph of this split has a map to show.")
    if not found:
        raise Problem("nothing_readable", "No photograph of this split can be read.")
    return (found + again)[:count]


def shown(samples: Sequence[Sample], size: int) -> Shown:
    """The photographs as in evaluation: the centre, at that size."""
    view, unused = View(size, train=False), np.random.default_rng()
    seen = [view(sample, unused) for sample in samples]
    labels = torch.tensor([sample.label for sample in samples])
    return Shown(torch.stack([image for image, _ in seen]), torch.stack([map_ for _, map_ in seen]), labels)


def attention_of(runs: Sequence[Path], samples: Sequence[Sample]) -> "Figure":
    """Fig. 4: people's maps and the last attention of each run's network."""
    sizes = [recipe_of(run).size for run in runs]
    seen = {size: shown(samples, size) for size in sizes}
    largest = seen[max(sizes)]
    looks: dict[str, NDArray[np.floating]] = {"the map of people": largest.maps.numpy()}
    for run, name, size in zip(runs, names_of(runs), sizes, strict=True):
        looks[name] = attention(network_of(run), seen[size].images).numpy()
    return attention_figure(largest.photographs, names(samples), looks)


def smoothgrad_of(first: Path, second: Path, samples: Sequence[Sample]) -> "Figure":
    """Fig. 8: what the networks of two runs depend on, and the difference. Problem `unlike_runs`."""
    size = recipe_of(first).size
    if recipe_of(second).size != size:
        raise Problem("unlike_runs", f"{first} and {second} see photographs at different sizes.")
    seen = shown(samples, size)
    maps = [smoothgrad(network_of(run), seen.images, seen.labels) for run in (first, second)]
    ours, theirs = zip(names_of([first, second]), maps, strict=True)
    return smoothgrad_figure(seen.photographs, names(samples), ours, theirs)


def sweep_of(points: Sequence[Point]) -> "Figure":
    """Fig. 7: errors and likeness to people over λ. Problem `no_fraction`."""
    if any(point.fraction is None for point in points):
        raise Problem("no_fraction", "The data set of this sweep does not say how far its players agree.")
    return sweep_figure(
        [
            SweepPoint(
                weight,
                tuple(point.top1_error for point in points if point.map_weight == weight),
                tuple(point.fraction or 0.0 for point in points if point.map_weight == weight),
            )
            for weight in sorted({point.map_weight for point in points})
        ]
    )


def names(samples: Sequence[Sample]) -> list[str]:
    """What to write beside photographs; a line may break where a file's name has an underscore."""
    return [Path(sample.image_id).stem.replace("_", " ") for sample in samples]
