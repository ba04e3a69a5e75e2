"""A partner that looks elsewhere: any server of the Open Inference Protocol v2."""

import json
import threading
import time
from dataclasses import dataclass
from typing import Any, Final

import httpx2
import numpy as np
from numpy.typing import NDArray

from clickme_partner.errors import PartnerError
from clickme_partner.inference import wire
from clickme_partner.inference.wire import CLASSES, HEADER, IMAGE, LOGITS, MODEL, VERSION_KEY, VIEW

ADDRESS: Final = f"/v2/models/{MODEL}"
PATIENCE_S: Final = 1.0  # the most that one batch waits for a server that has too much to do
ANSWER_BYTES: Final = 256 * 1024  # of an answer's facts; for each view its logits come on top,
NUMBER_BYTES: Final = 32  # each as long as JSON writes a number at most


@dataclass(frozen=True)
class Reply:
    """One answer of the server, whole."""

    status: int
    headers: httpx2.Headers
    body: bytes


class Remote:
    """A partner behind `url`, http(s)://[user:password@]host[:port][/path].

    Asked from several threads at once. An exchange is given up after `timeout_s` and tried once more, on
    another connection. PartnerError `wrong_url`.
    """

    def __init__(self, url: str, *, timeout_s: float = 3.0) -> None:
        address = _checked(url)
        self._name = str(address.copy_with(userinfo=b""))  # a password is nobody else's business
        self._stranger = f"{MODEL}@{address.host}"  # its version, where the server does not say it
        self._version = self._stranger
        self._most: int | None = None  # views the server takes at once; none: any number
        self._timeout_s = timeout_s
        self._closed = threading.Event()
        # No proxy of the environment comes between: a partner is a neighbour. No compression either: pixels
        # hardly shrink, and what comes back stays as long as it says it is.
        self._client = httpx2.Client(
            base_url=address, timeout=timeout_s, trust_env=False, headers={"Accept-Encoding": "identity"}
        )

    @property
    def version(self) -> str:
        """name@sha256 as the server last said it; partner@host for a server that does not."""
        return self._version

    def logits(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Its belief, float32 [n, 1000], about `views` uint8 [n, 224, 224, 3]. Blocks.

        Raises PartnerError: `unreachable`, `hung`, `busy`, `failed`, or `wrong_model` where the server has
        no such model or answers with something else.
        """
        most = self._most or len(views)
        parts = [self._look(views[first : first + most]) for first in range(0, len(views), most)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def wake(self) -> None:
        """Find the partner ready, and learn its version. PartnerError `not_ready`, or those of `logits`."""
        if self._exchange("GET", f"{ADDRESS}/ready").status != 200:
            message = f"The server at {self._name} has no model `{MODEL}` that is ready."
            raise PartnerError("not_ready", message)
        self._check(self._facts(self._exchange("GET", ADDRESS)))
        self._learn(self._exchange("GET", f"{ADDRESS}/config"))

    def close(self) -> None:
        """Close all connections."""
        self._closed.set()
        self._client.close()

    def _look(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        body, header = wire.write_request(views)
        reply = self._exchange("POST", f"{ADDRESS}/infer", body, header, views=len(views))
        if reply.status == 429:
            raise PartnerError("busy", f"The server at {self._name} has too much to do.{_words(reply)}")
        if reply.status == 503:
            raise PartnerError("not_ready", f"The server at {self._name} cannot look now.{_words(reply)}")
        self._succeeded(reply)
        try:
            answer = wire.read_answer(reply.body, reply.headers.get(HEADER), len(views))
        except PartnerError as error:
            message = f"The server at {self._name} does not answer as a partner does. {error.message}"
            raise PartnerError("wrong_model", message) from None
        if answer.version is not None:  # it may be another than when it woke
            self._version = answer.version
        return answer.logits

    def _exchange(
        self, method: str, path: str, body: bytes = b"", header: str = "", *, views: int = 0
    ) -> Reply:
        """One answer, or the second one after trouble with the first. PartnerError `unreachable`, `hung`."""
        headers = {HEADER: header, "Content-Type": "application/octet-stream"} if header else {}
        request = self._client.build_request(method, path, content=body or None, headers=headers)
        most = ANSWER_BYTES + views * CLASSES * NUMBER_BYTES
        try:
            reply = self._exchange_once(request, most)
        except PartnerError as error:
            if error.code not in ("unreachable", "hung"):
                raise
            return self._exchange_once(request, most)
        busy = views and reply.status == 429
        if busy and not self._closed.wait(_asked_to_wait_s(reply)):
            return self._exchange_once(request, most)
        return reply

    def _exchange_once(self, request: httpx2.Request, most_bytes: int) -> Reply:
        if self._closed.is_set():
            raise PartnerError("closed", "The partner is told to leave.")
        began = time.monotonic()
        body = bytearray()
        self._client.cookies.clear()  # whatever it wants remembered
        try:
            response = self._client.send(request, stream=True)
            try:
                for chunk in response.iter_raw():
                    body += chunk
                    if len(body) > most_bytes:
                        message = f"The server at {self._name} answers with more than {most_bytes} bytes."
                        raise PartnerError("failed", message)
                    if time.monotonic() - began > self._timeout_s:
                        raise httpx2.ReadTimeout("the answer comes in drops")
            finally:
                response.close()
        except httpx2.ConnectTimeout:
            raise self._unreachable("nobody answers") from None
        except httpx2.TimeoutException:
            message = f"The server at {self._name} did not answer within {self._timeout_s:g} s."
            raise PartnerError("hung", message) from None
        except httpx2.TransportError as error:
            raise self._unreachable(str(error)) from error
        return Reply(response.status_code, response.headers, bytes(body))

    def _unreachable(self, why: str) -> PartnerError:
        return PartnerError("unreachable", f"The server at {self._name} cannot be reached: {why}.")

    def _succeeded(self, reply: Reply) -> None:
        if reply.headers.get("Content-Encoding", "identity") != "identity":
            message = f"The server at {self._name} compresses its answers, though it was asked not to."
            raise PartnerError("failed", message)
        if reply.status == 200:
            return
        # 4xx says that it will never do; anything else may pass.
        code = "wrong_model" if 400 <= reply.status < 500 else "failed"
        message = f"The server at {self._name} answers with status {reply.status}.{_words(reply)}"
        raise PartnerError(code, message)

    def _facts(self, reply: Reply) -> dict[str, Any]:
        self._succeeded(reply)
        facts = _json(reply)
        if facts is None:
            message = f"The server at {self._name} does not speak the Open Inference Protocol v2."
            raise PartnerError("wrong_model", message)
        return facts

    def _check(self, metadata: dict[str, Any]) -> None:
        """The model must be a partner: PartnerError `wrong_model`."""
        inputs, outputs = _tensors(metadata, "inputs"), _tensors(metadata, "outputs")
        image = f"{IMAGE} UINT8 {_shape([-1, *VIEW])}"
        logits = f"{LOGITS} FP32 {_shape([-1, CLASSES])}"
        if inputs != [image] or logits not in outputs:
            raise PartnerError(
                "wrong_model",
                f"The model `{MODEL}` at {self._name} is no partner. A partner has the input {image} and the "
                f"output {logits}; this model has {', '.join(inputs) or 'no input'}; "
                f"{', '.join(outputs) or 'no output'}.",
            )

    def _learn(self, reply: Reply) -> None:
        """What only some servers say: the partner's version, and how many views they take at once."""
        if reply.status in (429, 503):
            return  # it does not say just now: what it said before stands
        config = (_json(reply) if reply.status == 200 else None) or {}
        most = config.get("max_batch_size")
        self._most = most if isinstance(most, int) and most > 0 else None
        try:
            version = config["parameters"][VERSION_KEY]["string_value"]
        except (KeyError, TypeError):
            version = None
        self._version = wire.version_said(version) or self._stranger


def _checked(url: str) -> httpx2.URL:
    try:
        address = httpx2.URL(url)
        address.host.encode("idna")  # a name that no resolver would take
        plain = address.host and not address.query and not address.fragment
        if plain and address.scheme in ("http", "https") and (address.port or 0) < 65536:
            return address
    except (httpx2.InvalidURL, UnicodeError):
        pass
    # Not repeated here: it may have a password in it.
    raise PartnerError("wrong_url", "A partner's address has the form http://HOST:PORT or https://HOST:PORT.")


def _asked_to_wait_s(reply: Reply) -> float:
    said = reply.headers.get("Retry-After", "")
    return min(PATIENCE_S, int(said)) if said.isascii() and said.isdecimal() and len(said) < 9 else PATIENCE_S


def _json(reply: Reply) -> dict[str, Any] | None:
    """The JSON object of an answer, if it is one."""
    try:
        facts = json.loads(reply.body)
    except (ValueError, RecursionError):
        return None
    return facts if isinstance(facts, dict) else None


def _words(reply: Reply) -> str:
    """What the server says itself of what is wrong, on one line, never long."""
    said = (_json(reply) or {}).get("error")
    if not isinstance(said, str):
        return ""
    # A terminal shows it: nothing but what can be printed.
    said = said.encode(errors="replace").decode()
    plain = "".join(letter if letter.isprintable() else " " for letter in said)
    return f" It says: {' '.join(plain.split())[:300]}"


def _tensors(metadata: dict[str, Any], kind: str) -> list[str]:
    """The inputs or outputs of a model, in words."""
    tensors = metadata.get(kind)
    return [
        f"{tensor.get('name')} {tensor.get('datatype')} {_shape(tensor.get('shape'))}"[:200]
        for tensor in (tensors if isinstance(tensors, list) else [])
        if isinstance(tensor, dict)
    ]


def _shape(shape: object) -> str:
    return f"[{', '.join(map(str, shape if isinstance(shape, list) else []))}]"
