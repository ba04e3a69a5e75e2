"""`clickme gala`, by its own door."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gala.made import data_set

CLICKME = Path(sys.executable).with_name("clickme")
SMALL = ["--model", "gala-resnet-18", "--width", 8, "--size", 64, "--batch", 8, "--workers", 0]
ONE_THREAD = os.environ | {"OMP_NUM_THREADS": "1"}


def clickme(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [CLICKME, "gala", *map(str, arguments)], env=ONE_THREAD, capture_output=True, text=True, check=False
    )


def one_sentence(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "set"
    return data_set(folder, photographs={"train": 24, "validation": 8, "test": 8}, classes=3)


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    done = clickme("train", data, *SMALL, "--epochs", 2, "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{out / 'best.pt'}\n"
    assert "24 photographs of 3 classes to train on, 24 with a map; 8 to validate on" in done.stderr
    assert "epoch 2: loss" in done.stderr
    return out


def test_a_run_says_what_it_did(run: Path) -> None:
    about = json.loads((run / "run.json").read_text())
    assert about["recipe"]["model"] == "gala-resnet-18"
    assert about["recipe"]["map_weight"] == 6
    assert about["data"]["photographs"] == 24
    assert set(about["versions"]) == {"clickme", "torch", "numpy", "pillow", "python"}


def test_the_reference_trainers_recipe(data: Path, tmp_path: Path) -> None:
    done = clickme("train", data, *SMALL, "--reference", "--epochs", 1, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    recipe = json.loads((tmp_path / "run.json").read_text())["recipe"]
    assert (recipe["reference"], recipe["map_weight"], recipe["batch"]) == (True, 1e-5, 8)


def test_no_torch(data: Path, tmp_path: Path) -> None:
    script = "import sys; sys.modules['torch'] = None; from clickme.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "gala", "train", str(data), "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert one_sentence(done) == "clickme: GALA needs PyTorch: pip install 'clickme[gala]'"


def test_no_such_network(data: Path, tmp_path: Path) -> None:
    done = clickme("train", data, "--model", "vgg", "--out", tmp_path / "run")
    assert "gala-resnet-50" in one_sentence(done)
    assert not (tmp_path / "run").exists()


def test_sigterm_keeps_a_checkpoint_and_leaves(data: Path, tmp_path: Path) -> None:
    """The signal comes from outside, in the middle of a run far too long."""
    command = [CLICKME, "gala", "train", data, *SMALL, "--epochs", 100_000, "--out", tmp_path]
    process = subprocess.Popen(
        [*map(str, command)], env=ONE_THREAD, stderr=subprocess.PIPE, text=True, stdout=subprocess.PIPE
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch 2:"):
            break
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate()
    assert process.returncode == 1
    assert "The same command goes on from there." in said
    assert (tmp_path / "last.pt").exists()
    assert not list(tmp_path.glob(".*"))
