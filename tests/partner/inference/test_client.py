"""A partner that looks elsewhere: beside our service, and against a server that does what servers do."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from clickme_partner.errors import PartnerError
from clickme_partner.inference import client
from clickme_partner.inference.client import Remote
from clickme_partner.inference.wire import HEADER, MOST_VIEWS, read_request, write_answer
from clickme_partner.session import Session
from held_partner import Held
from partner.inference.made import VIEWS, numbered

Serve = Callable[..., str]

METADATA = {
    "name": "partner",
    "versions": ["3"],
    "platform": "elsewhere",
    "inputs": [{"name": "image", "datatype": "UINT8", "shape": [-1, 224, 224, 3]}],
    "outputs": [
        {"name": "features", "datatype": "FP32", "shape": [-1, 2048]},
        {"name": "logits", "datatype": "FP32", "shape": [-1, 1000]},
    ],
}


class Handler(BaseHTTPRequestHandler):
    """One request to a server that misbehaves."""

    protocol_version = "HTTP/1.1"
    server: "Elsewhere"

    def do_GET(self) -> None:
        self.say(*self.server.facts.get(self.path, (404, {"error": "Nothing here."})))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(body)
        behave = self.server.script.pop(0) if self.server.script else look
        behave(self, body)

    def say(self, status: int, facts: object, **headers: str) -> None:
        self.send(status, facts if isinstance(facts, bytes) else json.dumps(facts).encode(), **headers)

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content_Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


Behaviour = Callable[[Handler, bytes], None]


class Elsewhere(ThreadingHTTPServer):
    """A server that answers as its script says, then as a partner does that believes in nothing."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.script: list[Behaviour] = []
        self.asked: list[bytes] = []
        self.over = threading.Event()
        self.facts: dict[str, tuple[int, object]] = {
            "/v2/models/partner/ready": (200, b""),
            "/v2/models/partner": (200, METADATA),
        }

    def handle_error(self, *_: object) -> None:
        """Callers hang up on what misbehaves."""


def look(handler: Handler, body: bytes) -> None:
    request = read_request(body, handler.headers[HEADER])
    answer, header = write_answer(request, np.zeros((len(request.views), 1000), np.float32), "zero@1")
    handler.send(200, answer, **{HEADER: header or ""})


def hang(handler: Handler, _: bytes) -> None:
    handler.server.over.wait()
    handler.close_connection = True


def hang_up(handler: Handler, _: bytes) -> None:
    handler.close_connection = True


def break_off(handler: Handler, _: bytes) -> None:
    handler.send(200, b"{", Content_Length="1000")
    handler.close_connection = True


def drip(handler: Handler, _: bytes) -> None:
    handler.send(200, b"", Content_Length="1000000")
    while not handler.server.over.wait(0.05):
        handler.wfile.write(b" ")
        handler.wfile.flush()
    handler.close_connection = True


def flood(handler: Handler, _: bytes) -> None:
    handler.send(200, bytes(2**20), Content_Length=str(2**40))
    handler.close_connection = True


def say(status: int, facts: object, **headers: str) -> Behaviour:
    return lambda handler, _: handler.say(status, facts, **headers)


def logits(**changes: object) -> dict[str, Any]:
    tensor = {"name": "logits", "datatype": "FP32", "shape": [1, 1000], "data": [0] * 1000}
    return {"outputs": [tensor | changes]}


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


@contextmanager
def remote(elsewhere: Elsewhere | str, timeout_s: float = 30) -> Iterator[Remote]:
    url = elsewhere if isinstance(elsewhere, str) else elsewhere.url
    with closing(Remote(url, timeout_s=timeout_s)) as partner:
        yield partner


def error_of(act: Callable[[], object]) -> PartnerError:
    with pytest.raises(PartnerError) as error:
        act()
    return error.value


@pytest.mark.parametrize("n", [1, 5])
def test_our_service_answers_what_the_partner_believes(serve: Serve, partner: Session, n: int) -> None:
    with remote(serve(partner)) as far:
        assert far.version == "partner@127.0.0.1"
        far.wake()
        assert far.version == "tiny@abc"
        np.testing.assert_allclose(far.logits(VIEWS[:n]), partner.logits(VIEWS[:n]), rtol=1e-4, atol=1e-2)
        assert far.logits(VIEWS).dtype == np.float32


def test_more_views_than_a_server_takes_go_in_several_requests(serve: Serve) -> None:
    held = Held()
    held.lets.release(100)
    with remote(serve(held)) as far:
        far.wake()
        believed = far.logits(numbered(range(MOST_VIEWS + 3)))
    assert believed.argmax(axis=1).tolist() == list(range(MOST_VIEWS + 3))


def test_a_server_without_our_extras_is_a_partner_too(elsewhere: Elsewhere) -> None:
    elsewhere.script = [say(200, logits(data=list(range(1000))))]
    with remote(elsewhere) as far:
        far.wake()
        assert far.version == "partner@127.0.0.1"
        assert far.logits(VIEWS[:1]).tolist() == [list(range(1000))]
        assert far.version == "partner@127.0.0.1"


def test_the_version_is_the_last_one_that_was_said(elsewhere: Elsewhere) -> None:
    config = {"parameters": {"clickme_version": {"string_value": "first@1"}}, "max_batch_size": 0}
    elsewhere.facts["/v2/models/partner/config"] = (200, config)
    with remote(elsewhere) as far:
        far.wake()
        assert far.version == "first@1"
        far.logits(VIEWS[:1])
        assert far.version == "zero@1"  # another model answers than the one that woke
        del elsewhere.facts["/v2/models/partner/config"]
        far.wake()
        assert far.version == "partner@127.0.0.1"


@pytest.mark.parametrize(
    "config", [[], {}, {"parameters": []}, {"parameters": {"clickme_version": "x"}}, b"?"]
)
def test_a_configuration_that_says_nothing_is_no_trouble(elsewhere: Elsewhere, config: object) -> None:
    elsewhere.facts["/v2/models/partner/config"] = (200, config)
    with remote(elsewhere) as far:
        far.wake()
        assert far.version == "partner@127.0.0.1"
        assert far.logits(VIEWS).shape == (5, 1000)


def test_a_triton_model_takes_no_more_than_its_batch(elsewhere: Elsewhere) -> None:
    elsewhere.facts["/v2/models/partner/config"] = (200, {"max_batch_size": 2})
    with remote(elsewhere) as far:
        far.wake()
        assert far.logits(VIEWS).shape == (5, 1000)
    shapes = [read_request(body, str(body.index(b"}]}") + 3)).views.shape[0] for body in elsewhere.asked]
    assert shapes == [2, 2, 1]


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [(hang, "hung"), (drip, "hung"), (hang_up, "unreachable"), (break_off, "unreachable")],
)
def test_trouble_once_is_overcome_and_trouble_twice_is_told(
    elsewhere: Elsewhere, behaviour: Behaviour, code: str
) -> None:
    elsewhere.script = [behaviour]
    with remote(elsewhere, timeout_s=1) as far:
        assert far.logits(VIEWS[:1]).shape == (1, 1000)
        assert len(elsewhere.asked) == 2
        elsewhere.script = [behaviour, behaviour]
        error = error_of(lambda: far.logits(VIEWS[:1]))
        assert error.code == code
        assert elsewhere.url in error.message
        assert len(elsewhere.asked) == 4
        assert far.logits(VIEWS[:1]).shape == (1, 1000)  # and then all is well again


@pytest.mark.parametrize("wait", ["0", "3600", "Fri, 31 Dec 1999 23:59:59 GMT", "²", "9" * 5000])
def test_a_busy_server_is_asked_once_more(
    elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch, wait: str
) -> None:
    monkeypatch.setattr(client, "PATIENCE_S", 0.01)
    busy = say(429, {"error": "Too many  of you.\n"}, Retry_After=wait.encode().decode("latin1"))
    with remote(elsewhere) as far:
        elsewhere.script = [busy]
        assert far.logits(VIEWS[:1]).shape == (1, 1000)
        elsewhere.script = [busy, busy]
        error = error_of(lambda: far.logits(VIEWS[:1]))
    assert error.code == "busy"
    assert error.message.endswith("It says: Too many of you.")


def test_who_is_closed_asks_nobody_any_more(elsewhere: Elsewhere) -> None:
    with remote(elsewhere) as far:

        def close(handler: Handler, _: bytes) -> None:
            far.close()
            handler.close_connection = True

        elsewhere.script = [close]
        assert error_of(lambda: far.logits(VIEWS[:1])).code == "closed"
        assert error_of(far.wake).code == "closed"
    assert len(elsewhere.asked) == 1


@pytest.mark.parametrize(
    ("behaviour", "code", "words"),
    [
        (say(400, {"error": "unexpected shape"}), "wrong_model", "status 400. It says: unexpected shape"),
        (say(404, b""), "wrong_model", "status 404"),
        (say(404, {"error": ["what"]}), "wrong_model", "status 404"),
        (say(500, {"error": "out of\nmemory \ud800"}), "failed", "status 500. It says: out of memory ?"),
        (say(500, b"<html>"), "failed", "status 500"),
        (say(302, b"", Location="/elsewhere"), "failed", "status 302"),
        (say(200, b""), "wrong_model", "does not answer as a partner does"),
        (say(200, b"[" * 100_000), "wrong_model", "does not answer as a partner does"),
        (say(200, logits(shape=[1, 10], data=[0] * 10)), "wrong_model", "[n, 1000]"),
        (say(200, logits(shape=[2, 1000], data=[0] * 2000)), "wrong_model", "2 views, and 1 were sent"),
        (say(200, logits(datatype="FP16")), "wrong_model", "FP16"),
        (say(200, logits(name="scores")), "wrong_model", "scores"),
        (say(200, logits(), Content_Encoding="gzip"), "failed", "compresses"),
        (flood, "failed", "more than"),
    ],
)
def test_what_is_no_answer_is_told_and_not_asked_for_again(
    elsewhere: Elsewhere, behaviour: Behaviour, code: str, words: str
) -> None:
    elsewhere.script = [behaviour]
    with remote(elsewhere) as far:
        error = error_of(lambda: far.logits(VIEWS[:1]))
        assert (error.code, len(elsewhere.asked)) == (code, 1)
        assert words in error.message
        assert far.logits(VIEWS[:1]).shape == (1, 1000)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 224, 224, 3]}]}, "image FP32"),
        ({"inputs": [{"name": "image", "datatype": "UINT8", "shape": [1, 224, 224, 3]}]}, "[1, 224, 224, 3]"),
        ({"inputs": [{"name": "picture", "datatype": "UINT8", "shape": [-1, 224, 224, 3]}]}, "picture"),
        ({"inputs": METADATA["inputs"] * 2}, "image UINT8"),  # type: ignore[operator]
        ({"inputs": "image"}, "no input"),
        ({"outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, 10]}]}, "[-1, 10]"),
        ({"outputs": [{}]}, "None None []"),
        ({"outputs": None}, "no output"),
    ],
    ids=str,
)
def test_a_model_that_is_no_partner_is_refused_with_a_sentence(
    elsewhere: Elsewhere, change: dict[str, object], words: str
) -> None:
    elsewhere.facts["/v2/models/partner"] = (200, METADATA | change)
    with remote(elsewhere) as far:
        error = error_of(far.wake)
    assert error.code == "wrong_model"
    assert "A partner has the input image UINT8 [-1, 224, 224, 3]" in error.message
    assert words in error.message.partition("this model has")[2]


def test_sizes_written_as_words_are_sizes(elsewhere: Elsewhere) -> None:
    words = {"inputs": [{"name": "image", "datatype": "UINT8", "shape": ["-1", "224", "224", "3"]}]}
    elsewhere.facts["/v2/models/partner"] = (200, METADATA | words)
    with remote(elsewhere) as far:
        far.wake()


@pytest.mark.parametrize(
    ("path", "answer", "code"),
    [
        ("/v2/models/partner/ready", (503, b""), "not_ready"),
        ("/v2/models/partner/ready", (404, {"error": "no such model"}), "not_ready"),
        ("/v2/models/partner", (200, b"<html>"), "wrong_model"),
        ("/v2/models/partner", (500, {"error": "oh"}), "failed"),
    ],
)
def test_a_server_that_is_not_ready_is_told_so(
    elsewhere: Elsewhere, path: str, answer: tuple[int, object], code: str
) -> None:
    elsewhere.facts[path] = answer
    with remote(elsewhere) as far:
        assert error_of(far.wake).code == code


def test_where_nobody_is_it_is_told_without_the_password() -> None:
    with Elsewhere() as server:
        url = f"http://someone:s3cret@127.0.0.1:{server.server_port}/base"
    with remote(url) as far:
        for act in (far.wake, lambda: far.logits(VIEWS[:1])):
            error = error_of(act)
            assert error.code == "unreachable"
            assert f"http://127.0.0.1:{server.server_port}/base" in error.message
            assert "s3cret" not in error.message
        assert far.version == "partner@127.0.0.1"


def test_a_path_and_a_password_go_with_every_request(elsewhere: Elsewhere) -> None:
    seen: list[tuple[str, str | None]] = []

    def note(handler: Handler, body: bytes) -> None:
        seen.append((handler.path, handler.headers["Authorization"]))
        look(handler, body)

    elsewhere.script = [note]
    with remote(elsewhere.url.replace("//", "//someone:s3cret@") + "/base/") as far:
        far.logits(VIEWS[:1])
    assert seen == [("/base/v2/models/partner/infer", "Basic c29tZW9uZTpzM2NyZXQ=")]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8770",
        "ftp://someone:s3cret@host",
        "http://",
        "http://someone:s3cret@host:99999",
        "http://someone:s3cret@host:port",
        "http://[::1",
        f"http://{'s3cret' * 20}",
        "http://host/?key=s3cret",
        "http://host/#s3cret",
        "http://host/\x00",
    ],
)
def test_an_address_that_is_none_is_refused_and_not_repeated(url: str) -> None:
    error = error_of(lambda: Remote(url))
    assert error.code == "wrong_url"
    assert "s3cret" not in error.message
