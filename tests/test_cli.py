"""The command line, by its own door: what it prints, where, and with what status it leaves."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from clickme.settings import Settings

Clickme = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def clickme(settings: Settings) -> Clickme:
    """Runs a command in a home of its own."""

    def run(*arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [Path(sys.executable).with_name("clickme"), *map(str, arguments)],
            env=os.environ
            | {
                "CLICKME_HOME": str(settings.home),
                "CLICKME_DATABASE_URL": str(settings.database_url),
                "CLICKME_REDIS_URL": str(settings.redis_url),
            }
            | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def one_sentence(done: "subprocess.CompletedProcess[str]") -> str:
    """What a command that failed said: no traceback, status 1."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("clickme: ")
    return last


def test_help_answers_without_heavy_libraries() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import clickme.cli"],
        capture_output=True,
        text=True,
        check=True,
    )
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    heavy = {"numpy", "sqlalchemy", "onnxruntime", "fastapi", "PIL", "onnx", "torch", "matplotlib"}
    assert not imported & heavy


def test_the_database_address_is_printed_alone(clickme: Clickme, settings: Settings) -> None:
    done = clickme("db", "url")
    assert (done.returncode, done.stdout) == (0, f"{settings.database_url}\n")


def test_a_home_that_cannot_be_written(clickme: Clickme, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be written" in one_sentence(clickme("db", "url", "--home", tmp_path / "file"))


def test_a_port_in_use(clickme: Clickme) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = one_sentence(clickme("play", "--no-browser", "--port", port))
    assert str(port) in said
    assert "--port" in said


def test_simulate_without_a_server(clickme: Clickme) -> None:
    assert "clickme play" in one_sentence(clickme("simulate"))


def test_a_server_that_is_not_there(clickme: Clickme) -> None:
    assert "does not play along" in one_sentence(clickme("simulate", "--url", "http://127.0.0.1:1"))


def test_an_export_of_nothing(clickme: Clickme, tmp_path: Path) -> None:
    one_sentence(clickme("export", "--out", tmp_path / "out"))
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


def test_a_corrupt_model(clickme: Clickme, tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"not a model")
    done = clickme("partner", "install", "--from", tmp_path / "bad.onnx", "--normalisation", "torchvision")
    assert "bad.onnx" in one_sentence(done)
    assert not list((settings.home / "partner").iterdir())


def test_the_bundled_photographs_come_with_their_counts(clickme: Clickme) -> None:
    first = json.loads(clickme("images", "demo", "--json").stdout)
    again = json.loads(clickme("images", "demo", "--json").stdout)
    assert (first["added"], first["already_there"]) == (31, 0)
    assert (again["added"], again["already_there"]) == (0, 31)
