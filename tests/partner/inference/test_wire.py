"""The wire: what one side writes the other reads, and nothing that comes is a surprise."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from clickme_partner.errors import PartnerError
from clickme_partner.inference.wire import (
    MOST_VIEWS,
    VIEW_BYTES,
    Answer,
    Request,
    read_answer,
    read_request,
    write_answer,
    write_request,
)

VIEW = np.random.default_rng(1).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)
PIXELS = VIEW.tobytes()
LIST = VIEW.ravel().tolist()
IMAGE = {"name": "image", "datatype": "UINT8", "shape": [1, 224, 224, 3]}
BINARY = IMAGE | {"parameters": {"binary_data_size": VIEW_BYTES}}
LOGITS = {"name": "logits", "datatype": "FP32", "shape": [1, 1000]}
NUMBERS = np.random.default_rng(2).normal(size=(1, 1000)).astype("<f4")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(), inside, max_size=3),
)
NAMES = ["name", "datatype", "shape", "parameters", "data", "binary_data_size", "binary_data", "id"]


def body_of(facts: object, behind: bytes = b"") -> tuple[bytes, str]:
    text = json.dumps(facts).encode()
    return text + behind, str(len(text))


def request_of(facts: object) -> Request:
    return read_request(json.dumps(facts).encode(), None)


def logits_of(seed: int, n: int) -> NDArray[np.float32]:
    scale = np.float32(10.0) ** np.random.default_rng(seed).integers(-30, 30, (n, 1000))
    return (np.random.default_rng(seed + 1).normal(size=(n, 1000)) * scale).astype(np.float32)


@given(n=st.integers(1, 3), seed=st.integers(0, 2**32))
def test_a_request_is_read_as_it_was_written(n: int, seed: int) -> None:
    views = np.random.default_rng(seed).integers(0, 256, (n, 224, 224, 3), dtype=np.uint8)
    request = read_request(*write_request(views))
    np.testing.assert_array_equal(request.views, views)
    assert request.views.dtype == np.uint8
    assert (request.id, request.binary) == (None, True)


@given(
    n=st.integers(1, 3),
    seed=st.integers(0, 2**32),
    name=st.none() | st.text(),
    binary=st.booleans(),
    version=st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=200),
)
def test_an_answer_is_read_as_it_was_written(
    n: int, seed: int, name: str | None, binary: bool, version: str
) -> None:
    logits = logits_of(seed, n)
    request = Request(np.empty((n, 224, 224, 3), np.uint8), name, binary)
    body, header = write_answer(request, logits, version)
    assert (header is not None) == binary
    answer = read_answer(body, header, n)
    np.testing.assert_array_equal(answer.logits, logits)
    assert answer.logits.dtype == np.float32
    assert answer.version == version
    facts = json.loads(body[: int(header)] if header else body)
    assert (facts["model_name"], facts["model_version"], facts.get("id")) == ("partner", "1", name)


def test_a_request_is_bytes_as_the_protocol_writes_them() -> None:
    body, header = write_request(VIEW)
    facts = json.loads(body[: int(header)])
    assert facts == {
        "inputs": [BINARY],
        "outputs": [{"name": "logits", "parameters": {"binary_data": True}}],
    }
    assert body[int(header) :] == PIXELS
    views = read_request(body, header).views
    assert not views.flags.owndata  # no copy of the pixels
    assert np.shares_memory(views, np.frombuffer(body, np.uint8))


def test_views_that_are_part_of_more_are_written_as_they_are() -> None:
    turned = VIEW[:, :, ::-1]
    np.testing.assert_array_equal(read_request(*write_request(turned)).views, turned)


@pytest.mark.parametrize("data", [LIST, VIEW.tolist()], ids=["flat", "nested"])
def test_json_pixels_are_read_flat_and_nested(data: list[Any]) -> None:
    request = request_of({"id": "7", "inputs": [IMAGE | {"data": data}]})
    np.testing.assert_array_equal(request.views, VIEW)
    assert (request.id, request.binary) == ("7", False)


@pytest.mark.parametrize(
    ("wanted", "binary"),
    [
        ({}, False),
        ({"outputs": []}, False),
        ({"outputs": [{"name": "logits"}]}, False),
        ({"outputs": [{"name": "logits", "parameters": {"binary_data": True}}]}, True),
        ({"parameters": {"binary_data_output": True}}, True),
        ({"parameters": {"binary_data_output": True}, "outputs": [{"name": "logits"}]}, True),
        (
            {
                "parameters": {"binary_data_output": True},
                "outputs": [{"name": "logits", "parameters": {"binary_data": False}}],
            },
            False,
        ),
        ({"parameters": None, "outputs": None, "id": None}, False),
        ({"parameters": {"priority": 1, "sequence_id": 3}}, False),
    ],
    ids=str,
)
def test_the_caller_says_how_the_logits_come_back(wanted: dict[str, Any], binary: bool) -> None:
    assert read_request(*body_of({"inputs": [BINARY]} | wanted, PIXELS)).binary == binary


@pytest.mark.parametrize(
    ("facts", "behind", "words"),
    [
        ([], b"", "object"),
        ({}, b"", "one input, `image`"),
        ({"inputs": BINARY}, PIXELS, "one input"),
        ({"inputs": [BINARY, BINARY]}, 2 * PIXELS, "one input"),
        ({"inputs": ["image"]}, b"", "one input"),
        ({"inputs": [BINARY | {"name": "picture"}]}, PIXELS, "no input 'picture'"),
        ({"inputs": [BINARY | {"datatype": "FP32"}]}, PIXELS, "'FP32': it must be UINT8"),
        ({"inputs": [BINARY | {"shape": [1, 3, 224, 224]}]}, PIXELS, "[n, 224, 224, 3]"),
        ({"inputs": [BINARY | {"shape": [224, 224, 3]}]}, PIXELS, "[n, 224, 224, 3]"),
        ({"inputs": [BINARY | {"shape": [True, 224, 224, 3]}]}, PIXELS, "[n, 224, 224, 3]"),
        ({"inputs": [BINARY | {"shape": [-1, 224, 224, 3]}]}, PIXELS, "[n, 224, 224, 3]"),
        ({"inputs": [BINARY | {"shape": "1"}]}, PIXELS, "[n, 224, 224, 3]"),
        ({"inputs": [BINARY | {"shape": [0, 224, 224, 3]}]}, b"", "at least one view"),
        ({"inputs": [BINARY | {"shape": [2, 224, 224, 3]}]}, PIXELS, f"{2 * VIEW_BYTES} bytes by its shape"),
        ({"inputs": [BINARY]}, PIXELS[:-1], f"{VIEW_BYTES - 1} bytes are behind the JSON"),
        ({"inputs": [BINARY]}, PIXELS + b"?", f"{VIEW_BYTES + 1} bytes are behind the JSON"),
        ({"inputs": [IMAGE | {"parameters": {"binary_data_size": "150528"}}]}, PIXELS, "'150528'"),
        ({"inputs": [IMAGE | {"parameters": []}]}, PIXELS, "`parameters` must be an object"),
        ({"inputs": [IMAGE]}, PIXELS, "either as `data` or as `binary_data_size`"),
        ({"inputs": [BINARY | {"data": LIST}]}, PIXELS, "either as `data` or as `binary_data_size`"),
        ({"inputs": [IMAGE | {"parameters": {"shared_memory_region": "r"}}]}, b"", "either as `data`"),
        ({"inputs": [IMAGE | {"data": LIST}]}, b"?", "belong to no tensor"),
        ({"inputs": [IMAGE | {"data": LIST[1:]}]}, b"", "150528 elements"),
        ({"inputs": [IMAGE | {"data": [LIST]}]}, b"", "150528 elements"),
        ({"inputs": [IMAGE | {"data": "pixels"}]}, b"", "150528 elements"),
        ({"inputs": [IMAGE | {"data": [256, *LIST[1:]]}]}, b"", "whole numbers of 0 to 255"),
        ({"inputs": [IMAGE | {"data": [-1, *LIST[1:]]}]}, b"", "whole numbers of 0 to 255"),
        ({"inputs": [IMAGE | {"data": [0.5, *LIST[1:]]}]}, b"", "whole numbers of 0 to 255"),
        ({"inputs": [IMAGE | {"data": ["1", *LIST[1:]]}]}, b"", "whole numbers of 0 to 255"),
        ({"inputs": [BINARY], "id": 7}, PIXELS, "`id` must be a string"),
        ({"inputs": [BINARY], "outputs": [{"name": "scores"}]}, PIXELS, "no output 'scores'"),
        ({"inputs": [BINARY], "outputs": [{"name": "logits"}] * 2}, PIXELS, "one output, `logits`"),
        ({"inputs": [BINARY], "outputs": {"name": "logits"}}, PIXELS, "one output, `logits`"),
        (
            {"inputs": [BINARY], "outputs": [{"name": "logits", "parameters": {"classification": 5}}]},
            PIXELS,
            "not as classifications",
        ),
        ({"inputs": [BINARY], "parameters": {"binary_data_output": 1}}, PIXELS, "true or false"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_request_that_is_none_is_refused_with_a_sentence(facts: object, behind: bytes, words: str) -> None:
    with pytest.raises(PartnerError) as error:
        read_request(*body_of(facts, behind))
    assert error.value.code == "bad_request"
    assert words in error.value.message
    assert len(error.value.message) < 300


def test_too_many_views_are_refused_by_their_number() -> None:
    many = IMAGE | {"shape": [MOST_VIEWS + 1, 224, 224, 3], "parameters": {"binary_data_size": 1}}
    with pytest.raises(PartnerError) as error:
        read_request(*body_of({"inputs": [many]}, b"?"))
    assert error.value.code == "too_many_views"


@pytest.mark.parametrize("header", ["", "-1", "1.5", "many", "²", "9" * 5000, str(10**9), "0", "1"])
def test_a_length_that_is_none_is_refused(header: str) -> None:
    with pytest.raises(PartnerError) as error:
        read_request(b"{}", header)
    assert error.value.code == "bad_request"


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe", b"{", b"[" * 100_000, b'{"inputs":' * 100_000, b"9" * 5000, b"NaN", b'"\\ud800"'],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_no_json_is_no_request(body: bytes) -> None:
    with pytest.raises(PartnerError) as error:
        read_request(body, None)
    assert error.value.code == "bad_request"


@pytest.mark.parametrize(
    "facts",
    [
        {"outputs": [LOGITS | {"data": NUMBERS.ravel().tolist()}]},
        {"outputs": [LOGITS | {"data": NUMBERS.tolist(), "parameters": None}], "parameters": None},
        {"outputs": [LOGITS | {"data": NUMBERS.tolist()}], "id": None, "parameters": {"clickme_version": 5}},
        {"outputs": [LOGITS | {"data": NUMBERS.tolist()}], "parameters": {"clickme_version": "a\x00b"}},
        {"outputs": [LOGITS | {"data": NUMBERS.tolist()}], "parameters": {"clickme_version": "a" * 201}},
    ],
    ids=lambda value: str(value)[-60:],
)
def test_answers_of_other_servers_are_read(facts: object) -> None:
    answer = read_answer(json.dumps(facts).encode(), None, 1)
    np.testing.assert_array_equal(answer.logits, NUMBERS)
    assert answer.version is None


@pytest.mark.parametrize(
    ("facts", "behind"),
    [
        ({}, b""),
        ({"outputs": [LOGITS | {"name": "scores", "data": NUMBERS.tolist()}]}, b""),
        ({"outputs": [LOGITS | {"datatype": "FP16", "data": NUMBERS.tolist()}]}, b""),
        ({"outputs": [LOGITS | {"shape": [2, 1000], "data": NUMBERS.tolist() * 2}]}, b""),
        ({"outputs": [LOGITS | {"shape": [1, 10], "data": [[0] * 10]}]}, b""),
        ({"outputs": [LOGITS | {"data": ["1"] * 1000}]}, b""),
        ({"outputs": [LOGITS | {"data": [True] * 1000}]}, b""),
        ({"outputs": [LOGITS | {"data": [10**400] * 1000}]}, b""),
        ({"outputs": [LOGITS | {"parameters": {"binary_data_size": 4000}}]}, NUMBERS.tobytes()[:-1]),
        ({"outputs": [LOGITS | {"parameters": {"binary_data_size": 3999}}]}, NUMBERS.tobytes()[:-1]),
    ],
    ids=lambda value: str(value)[:60],
)
def test_an_answer_that_is_no_partners_is_refused(facts: object, behind: bytes) -> None:
    with pytest.raises(PartnerError) as error:
        read_answer(*body_of(facts, behind), 1)
    assert error.value.code == "bad_answer"


def test_a_number_too_large_for_32_bits_is_infinite() -> None:
    facts = {"outputs": [LOGITS | {"data": [1e300] * 1000}]}
    assert np.isposinf(read_answer(json.dumps(facts).encode(), None, 1).logits).all()


def never_a_surprise(body: bytes, header: str | None) -> None:
    """Whatever it is, it is read, or refused by its declared error, in words that can be sent."""
    for read in (read_request, lambda body, header: read_answer(body, header, 1)):
        try:
            assert isinstance(read(body, header), Request | Answer)
        except PartnerError as error:
            assert error.code in ("bad_request", "too_many_views", "bad_answer")
            assert error.message.encode()


@given(st.binary(), st.none() | st.text() | st.integers(0, 40).map(str))
def test_no_bytes_are_a_surprise(body: bytes, header: str | None) -> None:
    never_a_surprise(body, header)


@given(JSON | st.fixed_dictionaries({}, optional={"inputs": JSON, "outputs": JSON, "parameters": JSON}))
def test_no_json_is_a_surprise(facts: object) -> None:
    never_a_surprise(json.dumps(facts).encode(), None)


@given(
    changes=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=3),
    deeper=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=2),
    top=st.dictionaries(st.sampled_from([*NAMES, "inputs", "outputs"]), JSON, max_size=1),
    answer=st.booleans(),
    cut=st.integers(-2, 2),
)
def test_nothing_close_to_right_is_a_surprise(
    changes: dict[str, Any], deeper: dict[str, Any], top: dict[str, Any], answer: bool, cut: int
) -> None:
    numbers = NUMBERS.tobytes() if answer else PIXELS
    tensor = (LOGITS if answer else IMAGE) | {"parameters": {"binary_data_size": len(numbers)} | deeper}
    facts = {"outputs" if answer else "inputs": [tensor | changes]} | top
    never_a_surprise(*body_of(facts, numbers[: len(numbers) + min(cut, 0)] + b"?" * max(cut, 0)))
