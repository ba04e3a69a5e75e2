"""Strokes painted beforehand obey the brush, and cost a decoding a photograph."""

import asyncio
import io
import json
import random

import numpy as np
import pytest
from PIL import Image

from clickme.game.rules import Bubble, Rules, check
from clickme.game.schemas import Bubbles, frame_of
from clickme.simulate.rehearsal import BLIND_HANDS, HANDS, Rehearsal, Stroke, frame
from clickme.simulate.strokes import STRATEGIES, contrast, spiral

RULES = Rules()


def jpeg(seed: int) -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (256, 256, 3), np.uint8)
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def strokes(rehearsal: Rehearsal, photograph: bytes, count: int) -> set[Stroke]:
    chance = random.Random(0)

    async def take() -> set[Stroke]:
        return {await rehearsal.stroke(RULES, photograph, chance) for _ in range(count)}

    return asyncio.run(take())


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_stroke_is_a_whole_round_that_the_rules_allow(strategy: str) -> None:
    for stroke in strokes(Rehearsal(STRATEGIES[strategy]), jpeg(0), 10):
        bubbles = [Bubble(*json.loads(b"[%b]" % said)) for said in stroke]
        assert len(bubbles) == RULES.most_bubbles
        check(RULES, None, bubbles, RULES.limit_ms)


def test_a_frame_says_the_bubbles_between_two_of_them() -> None:
    stroke = strokes(Rehearsal(spiral), b"", 1).pop()
    said = frame_of.validate_json(frame(7, stroke, 3, 5))
    assert isinstance(said, Bubbles)
    assert (said.round, said.n, len(said.xyt)) == (7, 3, 6)
    assert said.xyt == json.loads(b"[%b,%b]" % (stroke[3], stroke[4]))


def test_many_hands_paint_a_photograph_and_the_same_seed_paints_alike() -> None:
    assert len(strokes(Rehearsal(spiral), b"", 1000)) == BLIND_HANDS
    assert len(strokes(Rehearsal(contrast), jpeg(0), 100)) == HANDS
    assert strokes(Rehearsal(contrast, 1), jpeg(0), 100) == strokes(Rehearsal(contrast, 1), jpeg(0), 100)
    assert strokes(Rehearsal(contrast, 1), jpeg(0), 100) != strokes(Rehearsal(contrast, 2), jpeg(0), 100)
    assert strokes(Rehearsal(contrast), jpeg(0), 100) != strokes(Rehearsal(contrast), jpeg(1), 100)


def test_who_does_not_look_needs_no_photograph() -> None:
    assert strokes(Rehearsal(spiral), b"not a photograph", 1)
    with pytest.raises(OSError, match="cannot identify"):
        strokes(Rehearsal(contrast), b"not a photograph", 1)


def test_a_photograph_is_rehearsed_once() -> None:
    rehearsed: list[int] = []

    def counted(rules: Rules, photograph: object, chance: random.Random) -> object:
        rehearsed.append(1)
        return spiral(rules, np.zeros((256, 256), np.uint8), chance)

    rehearsal = Rehearsal(counted)  # type: ignore[arg-type]
    strokes(rehearsal, jpeg(0), 20)
    strokes(rehearsal, jpeg(1), 20)
    strokes(rehearsal, jpeg(0), 20)
    assert len(rehearsed) == 2 * HANDS
