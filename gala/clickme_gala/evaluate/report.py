"""What an evaluation found, a report a network: as a table, as JSON, as CSV."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Final


@dataclass(frozen=True)
class Report:
    """What was measured of a network. None is what was not; `notes` say why.

    Means are over photographs; intervals are of 95 %, by drawing photographs anew; rho is Spearman's.
    """

    name: str
    size: int  # px, of what it saw of a photograph
    photographs: int
    unreadable: int  # photographs that could not be read, and count nowhere else
    top1_error: float  # %
    top5_error: float  # %
    maps: int  # photographs with a map that ranks anything
    rho: float | None  # the last attention and the map
    rho_low: float | None
    rho_high: float | None
    people: float | None  # rho of two players of one photograph, as the data set has it; 0.58 in the paper
    fraction: float | None  # %, rho of `people`: Table 3's fraction of human ClickMe variability
    fraction_low: float | None  # %, `people` taken as exact
    fraction_high: float | None
    ceiling: float | None  # rho of two halves of a photograph's players, as the data set has it
    fraction_of_ceiling: float | None  # %, rho of `ceiling`; the paper has no such figure
    null: float | None  # rho of attention and the maps of other photographs
    null_p: float | None  # that a map might be any photograph's: one-sided, maps shuffled 10,000 times
    alignment: float | None  # rho of saliency and the map, as a share of Harmonization's 0.65753
    dice: float | None  # of the top 10 % of pixels of saliency and map
    iou: float | None  # of the same
    objects: int  # photographs with an object, of COCO
    objects_unreadable: int  # photographs of COCO that could not be read
    object_iou: float | None  # attention of half its height or more, and objects
    object_iou_equal_areas: float | None  # as many of its highest pixels as objects have, and objects
    object_p: float | None  # object_iou and that with another photograph's objects: two-sided, signs flipped
    object_p_first: float | None  # object_iou and that of the first network: likewise; 1 for itself
    notes: tuple[str, ...] = ()  # what was not measured and why, what was left out: a sentence each


def _number(places: int) -> Callable[[float], str]:
    return lambda value: f"{value:.{places}f}"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _p(value: float) -> str:
    return f"{value:.4f}"


ROWS: Final[tuple[tuple[str, tuple[str, ...], Callable[[float], str]], ...]] = (
    ("photographs", ("photographs",), _count),
    ("  unreadable, left out", ("unreadable",), _count),
    ("  size, px", ("size",), _count),
    ("top-1 error, %", ("top1_error",), _number(2)),
    ("top-5 error, %", ("top5_error",), _number(2)),
    ("fraction of human ClickMe variability, %", ("fraction",), _number(2)),
    ("  95 % interval", ("fraction_low", "fraction_high"), _number(2)),
    ("  rho of attention and maps", ("rho",), _number(3)),
    ("  95 % interval", ("rho_low", "rho_high"), _number(3)),
    ("  rho of two players", ("people",), _number(3)),
    ("fraction of the split-half ceiling, %", ("fraction_of_ceiling",), _number(2)),
    ("  rho of two halves of the players", ("ceiling",), _number(3)),
    ("rho of attention and others' maps", ("null",), _number(3)),
    ("  p, maps shuffled", ("null_p",), _p),
    ("  photographs with a map", ("maps",), _count),
    ("alignment of saliency (Harmonization)", ("alignment",), _number(3)),
    ("  Dice of the top 10 %", ("dice",), _number(3)),
    ("  IoU of the top 10 %", ("iou",), _number(3)),
    ("IoU of attention and objects (COCO)", ("object_iou",), _number(3)),
    ("  at equal areas", ("object_iou_equal_areas",), _number(3)),
    ("  p, against others' objects", ("object_p",), _p),
    ("  p, against the first network", ("object_p_first",), _p),
    ("  photographs with an object", ("objects",), _count),
    ("  unreadable, left out", ("objects_unreadable",), _count),
)


def as_text(reports: Sequence[Report]) -> str:
    """A table with a column for each network, and below it their notes, each once."""
    lines = [("", *(report.name for report in reports))]
    for label, names, written in ROWS:
        lines.append(
            (label, *(_cell([getattr(report, name) for name in names], written) for report in reports))
        )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    table = [
        line[0].ljust(widths[0])
        + "".join(f"  {cell:>{width}}" for cell, width in zip(line[1:], widths[1:], strict=True))
        for line in lines
    ]
    sentences = dict.fromkeys(sentence for report in reports for sentence in report.notes)
    return "\n".join([*table, *([""] if sentences else []), *sentences]) + "\n"


def _cell(values: Sequence[float | None], written: Callable[[float], str]) -> str:
    known = [written(value) for value in values if value is not None]
    return " to ".join(known) if known else "not measured"


def as_json(reports: Sequence[Report]) -> str:
    """A list with an object for each network, by the names in `Report`; null is what was not measured."""
    return json.dumps([asdict(report) for report in reports], indent=2, allow_nan=False) + "\n"


def as_csv(reports: Sequence[Report]) -> str:
    """A line for each network, under the names in `Report`; empty is what was not measured."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Report)], lineterminator="\n")
    writer.writeheader()
    for report in reports:
        writer.writerow(asdict(report) | {"notes": " ".join(report.notes)})
    return text.getvalue()
