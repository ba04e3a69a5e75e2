"""NDJSON, read by json line by line."""

import io
import json

import pytest
from hypothesis import given, settings

from clickme.export.formats import Damaged
from clickme.export.formats.ndjson import NDJSON
from clickme.export.record import Record
from export.formats.made import files, per_player, read, three, written


def test_a_line_as_it_is_written() -> None:
    first, second, *_ = written(NDJSON(), three()).splitlines()

    assert first.decode() == (
        '{"begun_at":"2026-11-24T09:30:00+00:00","contest":null,"image_id":"n01440764/n01440764_3.JPEG",'
        '"label":0,"outcome":"recognised","partner":"resnet50","player":4,"pointer":"mouse",'
        '"recognised_ms":1234,"rules":{"bubble":14},"wnid":"n01440764",'
        '"xyt":[[100,90,0],[105,92,50],[112,94,101]]}'
    )
    assert json.loads(second)["rules"] == {"bubble": 14, "fill": "mean"}


@settings(max_examples=30, deadline=None)
@given(found=files)
def test_every_line_is_one_stroke_whatever_is_in_its_texts(found: list[Record]) -> None:
    *lines, rest = written(NDJSON(), found).split(b"\n")

    assert rest == b""
    strokes = [(record.image_id, stroke) for record in found for stroke in record.strokes]
    for line, (image_id, stroke) in zip(lines, strokes, strict=True):
        row = json.loads(line.decode())
        assert row["image_id"] == image_id
        assert row["xyt"] == stroke.xyt.tolist()
        assert row["rules"] == stroke.rules


def test_the_order_of_rules_changes_no_byte() -> None:
    record = three()[0]
    again = three()[0]
    for stroke in again.strokes:
        object.__setattr__(stroke, "rules", dict(reversed(stroke.rules.items())))

    assert written(NDJSON(), [record]) == written(NDJSON(), [again])


def test_the_players_of_a_photograph_come_back_together() -> None:
    back = read(NDJSON(), written(NDJSON(), per_player(three())))

    assert [record.n_players for record in back] == [2, 2, 2]
    assert [record.player for record in back] == [None, None, None]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"label":0,', b'"label":"0",'),
        (b'"label":0,', b""),
        (b"[105,92,50]", b"[105,92]"),
        (b"[105,92,50]", b"[105,92.5,50]"),
        (b"[105,92,50]", b"[105,92,50000]"),
        (b'{"bubble":14}', b"14"),
        (b'"image_id"', b'"image_\xff"'),
        (b'{"begun_at"', b'["begun_at"'),
    ],
)
def test_a_line_of_another_schema_is_said_by_its_number(old: bytes, new: bytes) -> None:
    first, second, third, *_ = written(NDJSON(), three()).splitlines(keepends=True)
    assert old in third
    lines = NDJSON().read(io.BytesIO(first + second + third.replace(old, new, 1)), "train")

    with pytest.raises(Damaged, match="line 3 "):
        list(lines)
