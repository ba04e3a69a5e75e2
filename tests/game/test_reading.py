"""Reading frames: the quick way says what the slow way says, of whatever comes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickme.game.rules import Refusal
from clickme.game.schemas import FRAMES
from clickme.game.socket import read, read_slowly

MOST = 16 * 1024

scalars = st.none() | st.booleans() | st.integers() | st.integers(0, 300) | st.floats() | st.text(max_size=8)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


def mostly(likely: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(likely, likely, likely, values)


contents = mostly(
    st.fixed_dictionaries(
        {"t": mostly(st.sampled_from([*FRAMES, "guess"]))},
        optional={
            "round": mostly(st.integers(1, 2**63)),
            "n": mostly(st.integers(0, 141)),
            "xyt": mostly(st.lists(st.integers(-1, 7000), max_size=12)),
            "pointer": mostly(st.sampled_from(["mouse", "touch", "pen", "keyboard"])),
            "reason": mostly(st.sampled_from(["label", "quality", "other"])),
            "note": mostly(st.text(max_size=20) | st.none()),
            "score": values,
        },
    )
)
# With spaces or without, with a piece missing or twice.
texts = st.builds(
    lambda content, spaced, start, end: (
        (text := json.dumps(content, indent=spaced))[: start or None] + text[end or 0 :]
    ),
    contents,
    st.sampled_from([None, 0, 2]),
    st.one_of(st.just(0), st.integers(-8, 8)),
    st.one_of(st.just(10**6), st.integers(-8, 8)),
)


def outcome(text: str, *, quickly: bool) -> object:
    try:
        frame = read({"text": text}, MOST) if quickly else read_slowly(text)
    except Refusal as refusal:
        return refusal.code, refusal.message
    if not quickly and frame.t == "bubbles" and len(frame.xyt) % 3:
        return "bad_frame", "xyt holds three numbers a bubble."
    return frame


@given(texts | st.text())
def test_a_frame_is_the_same_read_quickly_and_slowly(text: str) -> None:
    assert outcome(text, quickly=True) == outcome(text, quickly=False)


@pytest.mark.parametrize(
    "text",
    [
        '{"t":"next"}',
        '{"t":"begin","round":1,"pointer":"pen"}',
        '{"t":"bubbles","round":9223372036854775807,"n":0,"xyt":[1,2,3]}',
        '{"round":1,"xyt":[1,2,3,4,5,6],"n":138,"t":"bubbles"}',
        '{"t":"skip","round":1}',
        '{"t":"flag","round":1,"reason":"other","note":"Ein Bär \\u00e4"}',
        ' {"t" : "resume" , "round" : 1}\n',
    ],
)
def test_a_sound_frame_is_read(text: str) -> None:
    assert read({"text": text}, MOST) == read_slowly(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"t":"next"} {"t":"next"}',
        '{"t":"begin","round":1.0,"pointer":"pen"}',
        '{"t":"begin","round":"1","pointer":"pen"}',
        '{"t":"begin","round":true,"pointer":"pen"}',
        '{"t":"begin","round":1e0,"pointer":"pen"}',
        '{"t":"bubbles","round":1,"n":0,"xyt":[1,2,NaN]}',
        '{"t":"bubbles","round":1,"n":0,"xyt":[1,2,1' + "0" * 5000 + "]}",
        '{"t":"bubbles","round":1,"n":0,"xyt":[]}',
        '{"t":"flag","round":1,"reason":"other","note":"\\ud800"}',
        '{"t":"flag","round":1,"reason":"other","note":"\x01"}',
        '\ufeff{"t":"next"}',
        "[" * 10_000,
        "{" * 10_000,
        "",
        "null",
        "NaN",
    ],
)
def test_what_is_not_quite_a_frame_is_refused(text: str) -> None:
    told = outcome(text, quickly=True)
    assert isinstance(told, tuple)
    assert told == outcome(text, quickly=False)
