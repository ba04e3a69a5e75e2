"""What crosses the wire between who asks a partner and who serves one: bytes to arrays, and back. Pure.

A body is a JSON object, and behind it, where the header `Inference-Header-Content-Length` says how long the
JSON is, the tensors as they lie in memory: row by row, little-endian ("Binary Tensor Data Extension" in the
Triton Inference Server's documentation). Without that header the body is JSON alone, its tensors lists,
nested or flat.

Everything that comes in is checked here, and what is wrong with it is a PartnerError with a sentence.
"""

import json
import math
import reprlib
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from clickme_partner.errors import PartnerError
from clickme_partner.view import CROP

MODEL: Final = "partner"
IMAGE: Final = "image"  # its input, uint8 [N, 224, 224, 3] RGB
LOGITS: Final = "logits"  # its output, float32 [N, 1000]
VERSION_KEY: Final = "clickme_version"  # where a partner's name@sha256 travels, beside what the protocol has
HEADER: Final = "Inference-Header-Content-Length"

VIEW: Final = (CROP, CROP, 3)
VIEW_BYTES: Final = math.prod(VIEW)
CLASSES: Final = 1000
MOST_VIEWS: Final = 64  # of one request: 9.6 MB


@dataclass(frozen=True)
class Request:
    """What a caller asks: `views` uint8 [n, 224, 224, 3], n in [1, MOST_VIEWS], not writable.

    `id` goes back as it came; `binary`: the logits go back as they lie in memory, not as JSON.
    """

    views: NDArray[np.uint8]
    id: str | None
    binary: bool


@dataclass(frozen=True)
class Answer:
    """What came back: `logits` float32 [n, 1000], and the partner's version where its server says it."""

    logits: NDArray[np.float32]
    version: str | None


def read_request(body: bytes, header: str | None) -> Request:
    """The request in `body`; `header` is its HTTP header HEADER, if it has one.

    The views are a view of `body`, not a copy, where they came as they lie in memory.

    Raises PartnerError `bad_request`, or `too_many_views`.
    """
    facts, numbers = _opened(body, header)
    tensor = _only(facts.get("inputs"), "input", IMAGE)
    if tensor.get("datatype") != "UINT8":
        _refuse(f"`{IMAGE}` has datatype {reprlib.repr(tensor.get('datatype'))}: it must be UINT8.")
    shape = _shape(tensor, IMAGE, VIEW)
    if shape[0] > MOST_VIEWS:
        message = f"A request has at most {MOST_VIEWS} views, and this one {shape[0]}: send several."
        raise PartnerError("too_many_views", message)
    if shape[0] < 1:
        _refuse("A request has at least one view, and this one has none.")
    size = _numbers_size(tensor, IMAGE, len(numbers), VIEW_BYTES * shape[0])
    pixels = np.frombuffer(_pixels(tensor.get("data"), shape) if size is None else numbers, np.uint8)
    request_id = facts.get("id")
    if not isinstance(request_id, str | None):
        _refuse("The request's `id` must be a string.")
    return Request(pixels.reshape(shape), request_id, _wants_binary(facts))


def write_answer(request: Request, logits: NDArray[np.float32], version: str) -> tuple[bytes, str | None]:
    """The body that answers `request` with `logits` float32 [n, 1000], and its header HEADER if it has one.

    `version` is the name@sha256 of the partner that said so.
    """
    output: dict[str, Any] = {"name": LOGITS, "datatype": "FP32", "shape": list(logits.shape)}
    facts: dict[str, Any] = {"model_name": MODEL, "model_version": "1", "outputs": [output]}
    facts["parameters"] = {VERSION_KEY: version}
    if request.id is not None:
        facts["id"] = request.id
    if request.binary:
        return _closed(facts, output, logits.astype("<f4", copy=False))
    output["data"] = logits.ravel().tolist()
    return json.dumps(facts).encode(), None


def write_request(views: NDArray[np.uint8]) -> tuple[bytes, str]:
    """The body that asks about `views` uint8 [n, 224, 224, 3], and its header HEADER."""
    image: dict[str, Any] = {"name": IMAGE, "datatype": "UINT8", "shape": list(views.shape)}
    wanted = {"name": LOGITS, "parameters": {"binary_data": True}}
    return _closed({"inputs": [image], "outputs": [wanted]}, image, views)


def read_answer(body: bytes, header: str | None, views: int) -> Answer:
    """The answer about so many `views` in `body`; `header` is its HTTP header HEADER, if it has one.

    Raises PartnerError `bad_answer` where it is none, or not of a partner.
    """
    try:
        facts, numbers = _opened(body, header)
        tensor = _only(facts.get("outputs"), "output", LOGITS)
        if tensor.get("datatype") != "FP32":
            _refuse(f"`{LOGITS}` has datatype {reprlib.repr(tensor.get('datatype'))}: it must be FP32.")
        shape = _shape(tensor, LOGITS, (CLASSES,))
        if shape[0] != views:
            _refuse(f"`{LOGITS}` speaks of {shape[0]} views, and {views} were sent.")
        size = _numbers_size(tensor, LOGITS, len(numbers), 4 * math.prod(shape))
        data = _floats(tensor.get("data"), shape) if size is None else np.frombuffer(numbers, "<f4")
    except PartnerError as error:
        raise PartnerError("bad_answer", error.message) from None
    parameters = facts.get("parameters")
    version = parameters.get(VERSION_KEY) if isinstance(parameters, dict) else None
    return Answer(data.reshape(shape).astype(np.float32, copy=False), version_said(version))


def version_said(version: object) -> str | None:
    """A partner's version as a server says it, if that can be one: it will be recorded with every round."""
    sound = isinstance(version, str) and 0 < len(version) <= 200 and version.isprintable()
    return str(version) if sound else None


def _opened(body: bytes, header: str | None) -> tuple[dict[str, Any], memoryview]:
    """The JSON object of a body, and the numbers behind it."""
    length = len(body)
    if header is not None:
        if not (header.isascii() and header.isdecimal()) or len(header) > 18 or int(header) > length:
            _refuse(f"{HEADER} is {reprlib.repr(header)}: a body of {length} bytes has no such JSON.")
        length = int(header)
    try:
        facts = json.loads(body[:length])
    except (ValueError, RecursionError):  # of text that is no JSON, or nested without end
        _refuse(f"The first {length} bytes of the body are not JSON.")
    if not isinstance(facts, dict):
        _refuse("The body's JSON must be an object.")
    return facts, memoryview(body)[length:]


def _closed(facts: dict[str, Any], tensor: dict[str, Any], numbers: NDArray[Any]) -> tuple[bytes, str]:
    """A body with the numbers of one of its tensors behind the JSON, and its header HEADER."""
    tensor["parameters"] = {"binary_data_size": numbers.nbytes}
    text = json.dumps(facts).encode()
    return b"".join((text, np.ascontiguousarray(numbers).data)), str(len(text))


def _only(tensors: object, kind: str, name: str) -> dict[str, Any]:
    """The one tensor of its kind, which has this name."""
    if not isinstance(tensors, list) or len(tensors) != 1 or not isinstance(tensors[0], dict):
        _refuse(f"There must be one {kind}, `{name}`.")
    tensor: dict[str, Any] = tensors[0]
    if tensor.get("name") != name:
        _refuse(f"There is no {kind} {reprlib.repr(tensor.get('name'))}: the one {kind} is `{name}`.")
    return tensor


def _shape(tensor: dict[str, Any], name: str, rest: tuple[int, ...]) -> tuple[int, ...]:
    """The tensor's shape, which is [n, *rest]."""
    said = tensor.get("shape")
    shape = tuple(said) if isinstance(said, list) else ()
    if shape[1:] != rest or not all(type(size) is int and size >= 0 for size in shape):
        _refuse(f"`{name}` has shape {reprlib.repr(said)}: it must be [n, {', '.join(map(str, rest))}].")
    return shape


def _numbers_size(tensor: dict[str, Any], name: str, behind: int, needed: int) -> int | None:
    """How many bytes behind the JSON are this tensor's; none: it is in the JSON."""
    size = _parameters(tensor).get("binary_data_size")
    if (size is None) == (tensor.get("data") is None):
        _refuse(f"`{name}` must come either as `data` or as `binary_data_size` bytes behind the JSON.")
    if size is None and behind:
        _refuse(f"{behind} bytes behind the JSON belong to no tensor.")
    if size is not None and (type(size) is not int or not size == behind == needed):
        _refuse(
            f"`{name}` must have {needed} bytes by its shape: its `binary_data_size` is "
            f"{reprlib.repr(size)}, and {behind} bytes are behind the JSON."
        )
    return size


def _pixels(data: object, shape: tuple[int, ...]) -> bytes:
    try:
        return bytes(_flat(data, shape, IMAGE))  # takes nothing but whole numbers of 0 to 255
    except (ValueError, TypeError):
        _refuse(f"The `data` of `{IMAGE}` must be whole numbers of 0 to 255.")


def _floats(data: object, shape: tuple[int, ...]) -> NDArray[np.float32]:
    flat = _flat(data, shape, LOGITS)
    if not all(type(number) in (int, float) for number in flat):
        _refuse(f"The `data` of `{LOGITS}` must be numbers.")
    try:
        with np.errstate(over="ignore"):  # more than 32 bits can say is infinite
            return np.array(flat, np.float64).astype(np.float32)
    except OverflowError:
        _refuse(f"The `data` of `{LOGITS}` must be numbers of 32 bits.")


def _flat(data: object, shape: tuple[int, ...], name: str) -> list[Any]:
    """The elements of a JSON tensor, which is a flat list or lists in lists, one for each axis."""
    rows = data if isinstance(data, list) else []
    if rows and isinstance(rows[0], list):
        for size in shape[1:]:
            if not all(isinstance(row, list) and len(row) == size for row in rows):
                rows = []
                break
            rows = list(chain.from_iterable(rows))
    if len(rows) != math.prod(shape):
        _refuse(f"The `data` of `{name}` does not have the {math.prod(shape)} elements of its shape.")
    return rows


def _wants_binary(facts: dict[str, Any]) -> bool:
    """Whether logits go back as they lie in memory: the request says it, or the output for itself."""
    binary = _parameters(facts).get("binary_data_output", False)
    if facts.get("outputs") not in (None, []):
        asked = _parameters(_only(facts["outputs"], "output", LOGITS))
        if "classification" in asked or "shared_memory_region" in asked:
            _refuse(f"`{LOGITS}` is had as numbers only, not as classifications or in shared memory.")
        binary = asked.get("binary_data", binary)
    if type(binary) is not bool:
        _refuse("`binary_data` and `binary_data_output` must be true or false.")
    return binary


def _parameters(facts: dict[str, Any]) -> dict[str, Any]:
    parameters = facts.get("parameters")
    if parameters is None:  # or null, as some servers write what they do not have
        return {}
    if not isinstance(parameters, dict):
        _refuse("`parameters` must be an object.")
    return parameters


def _refuse(message: str) -> NoReturn:
    raise PartnerError("bad_request", message)
