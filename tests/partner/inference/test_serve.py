"""`clickme partner serve`, a real process: where it is, and how it leaves."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import numpy as np
import pytest

from clickme.kit.home import open_home
from clickme.settings import Settings
from clickme_partner.errors import PartnerError
from clickme_partner.inference.client import Remote
from clickme_partner.inference.serve import run_service
from clickme_partner.inference.wire import HEADER, write_request
from clickme_partner.install import install
from clickme_partner.pace import Pace
from clickme_partner.session import Session
from held_partner import Held
from partner.inference.made import VIEWS

Start = Callable[[], tuple[subprocess.Popen[str], httpx2.URL]]


@pytest.fixture
def home(koala_model: Path, tmp_path: Path) -> Path:
    """A home with the small partner."""
    root = tmp_path / "home"
    install(
        None,
        file=koala_model,
        normalisation="inside",
        folder=open_home(root).partner,
        cache=Settings().cache,
        report=lambda step, fraction=None: None,
    )
    return root


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def begin() -> tuple[subprocess.Popen[str], httpx2.URL]:
        command = Path(sys.executable).with_name("clickme")
        process = subprocess.Popen(
            [command, "partner", "serve", "--home", home, "--port", "0"],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("The partner is at http://127.0.0.1:"), said
        return process, httpx2.URL(said.split()[-1])

    yield begin
    for process in started:
        with process:
            process.kill()


def accepts(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address).close()
    except ConnectionError:
        return False
    return True


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_answers_what_is_under_way_and_leaves(
    start: Start, koala_model: Path, told: signal.Signals
) -> None:
    process, url = start()
    address = (url.host, url.port or 0)
    body, header = write_request(VIEWS[:1])
    head = (
        f"POST /v2/models/partner/infer HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
        f"{HEADER}: {header}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(address) as connection, connection.makefile("rb") as answer:
        connection.sendall(head.encode())
        assert answer.readline() == b"HTTP/1.1 100 Continue\r\n"  # it has begun with this one
        assert answer.readline() == b"\r\n"
        process.send_signal(told)
        while accepts(address):  # others come too late
            pass
        connection.sendall(body)
        assert answer.readline() == b"HTTP/1.1 200 OK\r\n"
        facts = answer.read()
    logits = np.frombuffer(facts[-4000:], "<f4")
    np.testing.assert_allclose(logits, Session(koala_model).logits(VIEWS[:1])[0], rtol=1e-4)
    assert process.wait() == 0


def test_a_game_finds_the_partner_of_the_home(start: Start, home: Path) -> None:
    _, url = start()
    card = json.loads((open_home(home).partner / "partner.json").read_text())
    with closing(Remote(str(url), timeout_s=30)) as far:
        far.wake()
        name, _, digest = far.version.partition("@")
        assert name == "koala"
        assert digest in json.dumps(card)
        assert far.logits(VIEWS).shape == (5, 1000)


@pytest.mark.parametrize("port", [65536, 99999])
def test_a_port_that_is_none_is_said_so(port: int) -> None:
    assert refused("127.0.0.1", port) == "port_in_use"


def test_a_port_in_use_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert refused("127.0.0.1", taken.getsockname()[1]) == "port_in_use"


def test_an_address_that_is_not_ours_is_said_so() -> None:
    assert refused("203.0.113.9", 0) == "port_in_use"  # of a network for documentation, RFC 5737
    assert refused("no host", 0) == "port_in_use"


def refused(host: str, port: int) -> str:
    with pytest.raises(PartnerError) as error:
        run_service(Held(), Pace(1, 1, 1.0), host=host, port=port)
    assert host in error.value.message
    return error.value.code
