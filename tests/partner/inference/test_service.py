"""The service over a real socket: what it answers, what it refuses, and that one caller harms no other."""

import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray
from prometheus_client.parser import text_string_to_metric_families

from clickme_partner.engine import Engine
from clickme_partner.inference import service
from clickme_partner.inference.wire import HEADER, MOST_VIEWS, VIEW_BYTES, read_answer, write_request
from clickme_partner.session import Session
from held_partner import Held
from partner.inference.made import VIEWS, numbered, served

Serve = Callable[..., str]
INFER = "/v2/models/partner/infer"


@pytest.fixture
def caller(serve: Serve, partner: Session) -> Iterator[httpx2.Client]:
    """Somebody who speaks HTTP to the service of a tiny partner."""
    with httpx2.Client(base_url=serve(partner)) as client:
        yield client


def ask(client: httpx2.Client, views: NDArray[np.uint8], **more: Any) -> httpx2.Response:
    body, header = write_request(views)
    return client.post(INFER, content=body, headers={HEADER: header}, **more)


def logits_in(response: httpx2.Response) -> NDArray[np.float32]:
    assert response.status_code == 200, response.text
    header = response.headers.get(HEADER)
    facts = json.loads(response.content[: int(header)] if header else response.content)
    return read_answer(response.content, header, facts["outputs"][0]["shape"][0]).logits


def guesses(response: httpx2.Response) -> list[int]:
    return [int(guess) for guess in logits_in(response).argmax(axis=1)]


def error_in(response: httpx2.Response) -> str:
    facts = response.json()
    assert list(facts) == ["error"]
    assert isinstance(facts["error"], str)
    return str(facts["error"])


def counted(client: httpx2.Client, code: str) -> float:
    families = text_string_to_metric_families(client.get("/metrics").text)
    samples = [sample for family in families for sample in family.samples]
    return sum(
        sample.value
        for sample in samples
        if sample.name == "clickme_partner_requests_total" and sample.labels == {"code": code}
    )


def test_it_says_what_it_is(caller: httpx2.Client) -> None:
    assert caller.get("/v2/health/live").json() == {"live": True}
    assert caller.get("/v2/health/ready").json() == {"ready": True}
    server = caller.get("/v2").json()
    assert (server["name"], set(server)) == ("clickme", {"name", "version", "extensions"})
    assert server["extensions"] == ["binary_tensor_data", "model_configuration"]
    for address in ("/v2/models/partner", "/v2/models/partner/versions/1"):
        assert caller.get(f"{address}/ready").json() == {"name": "partner", "ready": True}
        assert caller.get(address).json() == {
            "name": "partner",
            "versions": ["1"],
            "platform": "onnxruntime_onnx",
            "inputs": [{"name": "image", "datatype": "UINT8", "shape": [-1, 224, 224, 3]}],
            "outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, 1000]}],
        }
        config = caller.get(f"{address}/config").json()
        assert config["max_batch_size"] == MOST_VIEWS
        assert config["parameters"] == {"clickme_version": {"string_value": "tiny@abc"}}


@pytest.mark.parametrize("n", [1, 3, 5])  # 5 are more than it looks at at once
def test_it_answers_what_the_partner_believes(caller: httpx2.Client, partner: Session, n: int) -> None:
    expected = partner.logits(VIEWS[:n])
    np.testing.assert_allclose(logits_in(ask(caller, VIEWS[:n])), expected, rtol=1e-4, atol=1e-2)
    image = {"name": "image", "datatype": "UINT8", "shape": [n, 224, 224, 3], "data": VIEWS[:n].tolist()}
    response = caller.post("/v2/models/partner/versions/1/infer", json={"id": "☃", "inputs": [image]})
    np.testing.assert_allclose(logits_in(response), expected, rtol=1e-4, atol=1e-2)
    facts = response.json()
    assert (facts["id"], facts["model_name"], facts["model_version"]) == ("☃", "partner", "1")
    assert facts["parameters"] == {"clickme_version": "tiny@abc"}


def test_callers_at_once_get_each_their_own(serve: Serve) -> None:
    held = Held()
    held.lets.release(1000)
    url = serve(held, batch=8)
    views = numbered(range(48))

    def call(first: int) -> list[int]:
        with httpx2.Client(base_url=url) as client:
            return [
                guess for n in range(first, first + 6, 2) for guess in guesses(ask(client, views[n : n + 2]))
            ]

    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(call, range(0, 48, 6)))
    assert answers == [list(range(first, first + 6)) for first in range(0, 48, 6)]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/models/other", 404),
        ("GET", "/v2/models/partner/versions/2", 404),
        ("GET", "/v2/models/other/ready", 404),
        ("GET", "/v2/models/other/config", 404),
        ("POST", "/v2/models/other/infer", 404),
        ("POST", "/v2/models/partner/versions/2/infer", 404),
        ("GET", "/v2/models/%ED%A0%80%00/infer/..", 404),
        ("GET", "/", 404),
        ("GET", "/v2/models/partner/infer", 405),
        ("POST", "/v2/health/live", 405),
        ("DELETE", "/v2/models/partner", 405),
    ],
)
def test_a_wrong_address_gets_a_sentence(caller: httpx2.Client, method: str, path: str, status: int) -> None:
    response = caller.request(method, path)
    assert response.status_code == status
    assert error_in(response)
    assert ("Allow" in response.headers) == (status == 405)


def test_a_wrong_request_gets_a_sentence_and_the_next_one_an_answer(caller: httpx2.Client) -> None:
    before = counted(caller, "bad_request"), counted(caller, "ok")
    body, header = write_request(VIEWS[:1])
    response = caller.post(INFER, content=body[:-1], headers={HEADER: header})
    assert response.status_code == 400
    assert "150527 bytes are behind the JSON" in error_in(response)
    assert caller.post(INFER, content=b"").status_code == 400
    assert caller.post(INFER, content=b"[" * 100_000).status_code == 400
    assert len(logits_in(ask(caller, VIEWS[:1]))) == 1
    assert (counted(caller, "bad_request"), counted(caller, "ok")) == (before[0] + 3, before[1] + 1)


def test_compressed_bodies_are_refused(caller: httpx2.Client) -> None:
    bomb = gzip.compress(bytes(2**26))
    response = caller.post(INFER, content=bomb, headers={"Content-Encoding": "gzip"})
    assert response.status_code == 415
    assert "Content-Encoding" in error_in(response)


def test_a_body_that_is_too_large_is_refused_unread_or_as_soon_as_it_is(caller: httpx2.Client) -> None:
    many = np.zeros((MOST_VIEWS + 1, 224, 224, 3), np.uint8)
    assert ask(caller, many).status_code == 413
    size = (MOST_VIEWS + 1) * VIEW_BYTES
    in_pieces = caller.post(INFER, content=(bytes(VIEW_BYTES) for _ in range(MOST_VIEWS + 1)))
    assert in_pieces.status_code == 413
    host, port = str(caller.base_url.host), caller.base_url.port
    with socket.create_connection((host, port or 80)) as connection:
        connection.sendall(f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode())
        assert connection.recv(12) == b"HTTP/1.1 413"  # before a byte of it was sent
    assert len(logits_in(ask(caller, VIEWS[:1]))) == 1


def test_the_most_views_are_taken(caller: httpx2.Client) -> None:
    assert len(logits_in(ask(caller, np.zeros((MOST_VIEWS, 224, 224, 3), np.uint8)))) == MOST_VIEWS


def test_who_comes_when_too_many_wait_is_asked_to_come_again(serve: Serve) -> None:
    with httpx2.Client(base_url=serve(Held(), most_waiting=0)) as client:
        response = ask(client, VIEWS[:1])
        assert response.status_code == 429
        assert int(response.headers["Retry-After"]) >= 1
        assert error_in(response)


def test_bodies_together_are_bounded(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "HELD_BYTES", VIEW_BYTES + 1000)
    held = Held()
    url = serve(held)
    with httpx2.Client(base_url=url) as client, ThreadPoolExecutor(1) as other:
        with httpx2.Client(base_url=url) as first:
            looking = other.submit(ask, first, VIEWS[:1])
            assert held.looking.acquire(timeout=30)
            assert ask(client, VIEWS[1:2]).status_code == 429
            held.lets.release(2)
            assert looking.result().status_code == 200
        assert ask(client, VIEWS[1:2]).status_code == 200


def test_a_body_that_does_not_come_is_not_waited_for(
    caller: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "BODY_S", 0.01)
    with socket.create_connection((str(caller.base_url.host), caller.base_url.port or 80)) as connection:
        connection.sendall(f"POST {INFER} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{{".encode())
        assert connection.recv(12) == b"HTTP/1.1 408"


def test_callers_that_leave_harm_nobody(serve: Serve, capfd: pytest.CaptureFixture[str]) -> None:
    held = Held()
    url = httpx2.URL(serve(held))
    body, header = write_request(numbered([7]))
    head = f"POST {INFER} HTTP/1.1\r\nHost: x\r\n{HEADER}: {header}\r\nContent-Length: {len(body)}\r\n\r\n"
    for sent in (head.encode(), head.encode() + body[:1000], head.encode() + body):
        with socket.create_connection((url.host, url.port or 80)) as connection:
            connection.sendall(sent)
            if sent.endswith(body):
                assert held.looking.acquire(timeout=30)  # it leaves while its view is looked at
    held.lets.release(2)
    with httpx2.Client(base_url=url) as client:
        assert guesses(ask(client, numbered([8]))) == [8]
    assert "Traceback" not in capfd.readouterr().err


def test_while_the_partner_is_away_it_is_not_ready_and_says_when_to_come_again() -> None:
    held, changed = Held(), threading.Semaphore(0)
    held.awake = False
    with closing(Engine(held, batch=1)) as engine:
        engine.watching.add(changed.release)
        with served(engine) as url, httpx2.Client(base_url=url) as client:
            while engine.away is None:
                assert changed.acquire(timeout=30)
            for address in ("/v2/health/ready", "/v2/models/partner/ready"):
                assert client.get(address).status_code == 503
            assert client.get("/v2/health/live").status_code == 200
            response = ask(client, VIEWS[:1])
            assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
            assert error_in(response) == "Nobody answers."
            held.awake = True
            held.lets.release()
            while engine.away is not None:
                assert changed.acquire(timeout=30)
            assert client.get("/v2/health/ready").status_code == 200
            assert ask(client, VIEWS[:1]).status_code == 200


def test_a_look_under_way_is_finished_when_the_engine_is_closed() -> None:
    held = Held()
    engine = Engine(held, batch=1)
    with served(engine) as url, httpx2.Client(base_url=url) as client, ThreadPoolExecutor(1) as callers:
        looking = callers.submit(ask, client, numbered([7]))
        assert held.looking.acquire(timeout=30)
        held.lets.release()
        engine.close()
        assert guesses(looking.result()) == [7]


def test_a_failure_that_nobody_thought_of_is_told_and_written_down(
    partner: Session, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Engine, "look", None)
    with closing(Engine(partner, batch=1)) as engine, served(engine) as url, httpx2.Client() as client:
        body, header = write_request(VIEWS[:1])
        response = client.post(url + INFER, content=body, headers={HEADER: header})
    assert response.status_code == 500
    assert error_in(response)
    assert "Traceback" in caplog.text
