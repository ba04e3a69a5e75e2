"""Networks judged as in the paper's tables, each in one pass over the photographs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clickme.kit.problems import Problem
from clickme_gala.data import Photographs
from clickme_gala.data.loader import Loader
from clickme_gala.data.sample import Batch
from clickme_gala.data.views import View
from clickme_gala.evaluate.accuracy import Tally
from clickme_gala.evaluate.alignment import Aligning, Alignment
from clickme_gala.evaluate.correlation import centred
from clickme_gala.evaluate.looks import attention, look, resized
from clickme_gala.evaluate.overlap import Overlap, Overlapping
from clickme_gala.evaluate.report import Report
from clickme_gala.evaluate.variability import Following, Variability
from clickme_gala.resnet import ResNet

Progress = Callable[[str, float], None]  # what is being done, and the share of it that is done


@dataclass(frozen=True)
class Judged:
    """A network to judge, and the size in px of what it sees of a photograph."""

    name: str
    network: ResNet
    size: int


def evaluate(
    judged: Sequence[Judged],
    photographs: Photographs,
    *,
    coco: Path | None = None,
    batch: int = 32,
    workers: int = 0,
    device: torch.device,
    seed: int = 0,
    progress: Progress,
) -> list[Report]:
    """A report for each network, on the same photographs, and on the objects of a COCO folder.

    What a data set cannot tell is None in the reports, which say why. Memory does not grow with the number of
    photographs beyond a few numbers each, and the ranks of 2,000 (`variability.Following`). Networks are
    moved to `device`, and into evaluation mode. The same seed gives the same reports.

    Problem `nothing_readable` if no photograph can be read, `no_coco` for a folder without annotations.
    """
    judge = _Judge(photographs, _objects(coco), batch, workers, device, seed, progress)
    reports: list[Report] = []
    first: Overlap | None = None
    for one in judged:
        one.network.to(device).eval()
        seen, covered = judge.photographs_of(one), judge.objects_of(one)
        first = first or covered.overlap
        reports.append(judge.report(one, seen, covered, first))
    return reports


def _objects(coco: Path | None) -> Photographs | None:
    if coco is None:
        return None
    from clickme_gala.evaluate.coco import Objects  # pycocotools: nobody else needs it

    return Objects(coco)


@dataclass(frozen=True)
class _Seen:
    """What one pass over the photographs of a data set gave."""

    tally: Tally
    left_out: Sequence[str]  # sentences, one a photograph that could not be read
    variability: Variability | None
    alignment: Alignment | None


@dataclass(frozen=True)
class _Covered:
    """What one pass over the objects gave."""

    overlap: Overlap | None = None
    left_out: Sequence[str] = ()  # likewise


@dataclass(frozen=True)
class _Judge:
    """What networks are judged on, and how."""

    photographs: Photographs
    objects: Photographs | None  # with masks of objects in place of maps
    batch: int
    workers: int
    device: torch.device
    seed: int
    progress: Progress

    def photographs_of(self, one: Judged) -> _Seen:
        """One pass over the data set."""
        tally, left_out = Tally(self.device), list[str]()
        following, aligning = Following(self.photographs.with_maps, self.seed), Aligning(self.seed)
        for batch in self._batches(self.photographs, one, "photographs"):
            left_out += batch.left_out
            if not len(batch.labels):
                continue
            labels = batch.labels.to(self.device)
            seen = look(one.network, batch.images.to(self.device), labels)
            tally.update(seen.logits, labels)
            with_map = batch.has_map.to(self.device)
            attended = resized(seen.attention[with_map], one.size)
            pictures = attended, seen.saliency[with_map], batch.maps[batch.has_map]
            for where, why, map_ in zip(*map(_ranked, pictures), strict=True):
                following.add(where, map_)
                aligning.add(why, map_)
        return _Seen(tally, left_out, following.sum_up(), aligning.sum_up())

    def objects_of(self, one: Judged) -> _Covered:
        """One pass over the objects, if there are any."""
        if self.objects is None:
            return _Covered()
        overlapping, left_out = Overlapping(), list[str]()
        for batch in self._batches(self.objects, one, "photographs of COCO"):
            left_out += batch.left_out
            if not len(batch.labels):
                continue
            looks = resized(attention(one.network, batch.images.to(self.device)), one.size).cpu().numpy()
            masks = batch.maps.cpu().numpy() >= 0.5
            for attended, mask in zip(looks, masks, strict=True):
                overlapping.add(attended, mask)
        return _Covered(overlapping.sum_up(), left_out)

    def _batches(self, photographs: Photographs, one: Judged, what: str) -> Iterator[Batch]:
        """Photographs as the network sees them. Problem `nothing_readable` if none was read in the end."""
        came = readable = 0
        loader = Loader(
            photographs,
            View(one.size, train=False),
            batch=self.batch,
            workers=self.workers,
            seed=self.seed,
            device=self.device,
        )
        for batch in loader.once():
            yield batch
            readable += len(batch.labels)
            came += len(batch.labels) + len(batch.left_out)
            self.progress(f"{one.name}: {what}", came / len(photographs))
        if not readable:
            raise Problem("nothing_readable", f"Of the {what} to judge on ({came:,}) none can be read.")

    def report(self, one: Judged, seen: _Seen, covered: _Covered, first: Overlap | None) -> Report:
        follows, aligned, overlap = seen.variability, seen.alignment, covered.overlap
        known = self.photographs.reliability
        people, ceiling = (known.rho, known.ceiling) if known else (None, None)
        rho, low, high = (follows.rho, *follows.interval) if follows else (None, None, None)
        return Report(
            name=one.name,
            size=one.size,
            photographs=seen.tally.photographs,
            unreadable=self.photographs.unreadable + len(seen.left_out),
            top1_error=seen.tally.top1,
            top5_error=seen.tally.top5,
            maps=follows.photographs if follows else 0,
            rho=rho,
            rho_low=low,
            rho_high=high,
            people=people,
            fraction=_percent(rho, people),
            fraction_low=_percent(low, people),
            fraction_high=_percent(high, people),
            ceiling=ceiling,
            fraction_of_ceiling=_percent(rho, ceiling),
            null=follows.null if follows else None,
            null_p=follows.p if follows else None,
            alignment=aligned.score if aligned else None,
            dice=aligned.dice if aligned else None,
            iou=aligned.iou if aligned else None,
            objects=overlap.photographs if overlap else 0,
            objects_unreadable=len(covered.left_out),
            object_iou=float(np.nanmean(overlap.iou)) if overlap else None,
            object_iou_equal_areas=float(np.nanmean(overlap.equal_areas)) if overlap else None,
            object_p=overlap.p_of_chance(self.seed) if overlap else None,
            object_p_first=overlap.p_against(first, self.seed) if overlap and first else None,
            notes=tuple(self._notes(seen, covered)),
        )

    def _notes(self, seen: _Seen, covered: _Covered) -> Iterator[str]:
        if self.photographs.classes == 1:
            yield "All photographs are of one class: errors do not say whether classes are told apart."
        if not self.photographs.with_maps:
            yield "Attention and saliency were not held against maps: the data set has no maps."
        elif not seen.variability:
            yield "Attention and saliency were not held against maps: no map tells places of its crop apart."
        elif seen.variability.null is None:
            yield "Maps were not shuffled: only one photograph has one."
        known = self.photographs.reliability
        if seen.variability and _percent(seen.variability.rho, known.rho if known else None) is None:
            yield (
                "The fraction of human variability was not measured: the data set does not say how far two "
                "of its players agree, or they do not."
            )
        if self.objects is None:
            yield "Attention was not held against objects: no COCO folder was named."
        elif not covered.overlap:
            yield "Attention was not held against objects: no photograph of COCO has one in its crop."
        for sentence in (*self.photographs.left_out, *seen.left_out, *covered.left_out):
            yield f"Left out: {sentence.rstrip('.')}."


def _percent(rho: float | None, of: float | None) -> float | None:
    """None where there is nothing to divide by: nobody measured it, or people do not agree."""
    return None if rho is None or of is None or of <= 0 else 100 * rho / of


def _ranked(pictures: Tensor) -> list[NDArray[np.float32]]:
    return [centred(picture) for picture in pictures.cpu().numpy()]
