"""The same export by a Dask cluster: the same bytes, and a sentence where there is no cluster."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from clickme.export.executors import executor
from clickme.export.options import Options
from clickme.export.service import export
from clickme.kit.house import House
from clickme.kit.problems import Problem
from clickme.settings import Settings
from conftest import add_images, environment
from made_up import Unheard, contents, play

DASK = Path(sys.executable).with_name("dask")


def started(stack: ExitStack, *arguments: str, ready: str) -> str:
    """A process that has said `ready`, and what it said after that; it is ended with the stack."""
    process = subprocess.Popen(
        [DASK, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    stack.callback(process.communicate)
    stack.callback(os.killpg, process.pid, signal.SIGKILL)  # it, and the workers it has started
    assert process.stderr is not None
    for line in process.stderr:
        if ready in line:
            return line.partition(ready)[2].strip()
    raise AssertionError(f"dask {arguments[0]} ended before it was ready")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def run(settings: Settings, out: Path, *options: str) -> str:
    """`clickme export`; what it says on stderr where it fails."""
    done = subprocess.run(
        [
            Path(sys.executable).with_name("clickme"),
            "export",
            "--out",
            str(out),
            "--per-shard",
            "40",
            *options,
        ],
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr if done.returncode else ""


def test_a_cluster_writes_the_same_bytes_as_local_processes(
    house: House, settings: Settings, tmp_path: Path, stack: ExitStack
) -> None:
    loopback = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    address = started(stack, "scheduler", *loopback, ready="Scheduler at:")
    add_images(house, 240)
    play(house, players=2)
    assert "has no workers" in run(settings, tmp_path / "cluster", "--dask", address)
    workers = ("--nworkers", "2", "--nthreads", "1", "--no-dashboard", "--local-directory", str(tmp_path))
    started(stack, "worker", address, *workers, ready="Registered to:")

    with pytest.raises(Problem, match="does not see the folder /nowhere") as raised:
        stack.enter_context(executor(address, 240, (tmp_path, Path("/nowhere"))))
    assert raised.value.code == "dask_worker"
    assert not run(settings, tmp_path / "cluster", "--dask", address)
    assert not run(settings, tmp_path / "processes")

    assert contents(tmp_path / "cluster") == contents(tmp_path / "processes")
    assert len(contents(tmp_path / "cluster")) > 8


def test_an_unreachable_scheduler_is_a_sentence_and_the_same_command_goes_on(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clickme.export.executors.PATIENCE", 0.2)
    add_images(house, 3)
    play(house)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Problem, match=address) as raised:
            export(house, tmp_path / "out", Options(), Unheard(), dask=address)
    assert raised.value.code == "dask_unreachable"
    with pytest.raises(Problem) as raised:
        export(house, tmp_path / "out", Options(), Unheard(), dask="nonsense")
    assert raised.value.code == "dask_unreachable"

    export(house, tmp_path / "out", Options(), Unheard())
    export(house, tmp_path / "undisturbed", Options(), Unheard())
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")


def test_without_dask_it_is_said_how_to_get_it(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    add_images(house, 3)
    play(house)

    with pytest.raises(Problem, match=r"pip install 'clickme\[dask\]'") as raised:
        export(house, tmp_path / "out", Options(), Unheard(), dask="tcp://127.0.0.1:1")

    assert raised.value.code == "dask_missing"
