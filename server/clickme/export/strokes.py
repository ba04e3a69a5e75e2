"""Photographs and their strokes on their way from the database to the workers: a line each."""

import json
from base64 import b64decode, b64encode
from dataclasses import fields
from typing import Any

import numpy as np

from clickme.export.record import Photograph, Stroke

SMALL = tuple(field.name for field in fields(Stroke) if field.name != "xyt")


def to_line(photograph: Photograph) -> bytes:
    """JSON and a line's end; a stroke's little-endian int16 triples in base64."""
    line = vars(photograph) | {"strokes": [_packed(stroke) for stroke in photograph.strokes]}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _packed(stroke: Stroke) -> dict[str, Any]:
    values = {name: getattr(stroke, name) for name in SMALL}
    return values | {"xyt": b64encode(stroke.xyt.astype("<i2").tobytes()).decode()}


def from_line(line: bytes) -> Photograph:
    """What `to_line` was given."""
    values = json.loads(line)
    return Photograph(**values | {"strokes": [_unpacked(stroke) for stroke in values["strokes"]]})


def _unpacked(values: dict[str, Any]) -> Stroke:
    xyt = np.frombuffer(b64decode(values["xyt"]), dtype="<i2").reshape(-1, 3)
    return Stroke(**values | {"xyt": xyt})
