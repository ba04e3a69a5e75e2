"""Strokes as rows of plain values, one row for each round: what NDJSON and NPZ hold, each in its own way."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from clickme.export.record import Record, Stroke

Int16 = Annotated[int, Field(ge=-(2**15), lt=2**15)]


class Row(BaseModel):
    """A round that counts. What is not known is None. Values of other types, and too few, are refused."""

    model_config = ConfigDict(strict=True)

    image_id: str
    label: int  # the class, 0-based
    wnid: str
    player: int  # a number within the export, from 0
    outcome: str | None  # recognised or timeout
    recognised_ms: int | None
    begun_at: str | None  # ISO 8601, UTC
    pointer: str | None  # mouse, touch, pen or keyboard
    contest: int | None
    rules: dict[str, Any]
    partner: str | None  # name@sha256
    xyt: list[tuple[Int16, Int16, Int16]]  # x and y in px of the photograph, ms since the round began


def complaint(error: Exception) -> str:
    """What is wrong, in a few words: of what pydantic finds, the first thing."""
    if not isinstance(error, ValidationError):
        return repr(error)
    first = error.errors(include_url=False)[0]
    return ": ".join((".".join(map(str, first["loc"])), first["msg"])).removeprefix(": ")


def rows(records: Iterable[Record]) -> Iterator[dict[str, Any]]:
    """A row of plain values for each stroke, under the names of `Row`; `xyt` is a list of [x, y, t]."""
    for record in records:
        for stroke in record.strokes:
            yield {
                "image_id": record.image_id,
                "label": record.label,
                "wnid": record.wnid,
                "player": stroke.player,
                "outcome": stroke.outcome,
                "recognised_ms": stroke.recognised_ms,
                "begun_at": stroke.begun_at,
                "pointer": stroke.pointer,
                "contest": stroke.contest,
                "rules": stroke.rules,
                "partner": stroke.partner,
                "xyt": stroke.xyt.tolist(),
            }


def photographs(found: Iterable[Row], split: str) -> Iterator[Record]:
    """A record for each photograph: rows of the same one follow each other.

    So the strokes of one photograph come back together, even where they were written as a record for each
    player. There is no map and no bbox; `n_players` and `click_count` are counted anew.
    """
    same = groupby(found, key=lambda row: (row.image_id, row.label, row.wnid))
    for (image_id, label, wnid), members in same:
        strokes = [_stroke(row) for row in members]
        yield Record(
            split=split,
            image_id=image_id,
            label=label,
            wnid=wnid,
            n_players=len(strokes),
            click_count=sum(len(stroke.xyt) for stroke in strokes),
            strokes=strokes,
        )


def _stroke(row: Row) -> Stroke:
    return Stroke(
        player=row.player,
        xyt=np.array(row.xyt, dtype=np.int16).reshape(-1, 3),
        outcome=row.outcome,
        recognised_ms=row.recognised_ms,
        begun_at=row.begun_at,
        pointer=row.pointer,
        contest=row.contest,
        rules=row.rules,
        partner=row.partner,
    )
