"""`clickme study`: from photographs to a table, taken up again, and refused."""

import json
import shutil
from pathlib import Path

import pytest

from clickme.export.facts import Facts
from clickme.kit.home import open_home
from clickme.settings import Settings
from clickme.studies.table3 import ARMS
from clickme_partner.install import install
from clickme_partner.registry import Judgement, keep_form
from conftest import quiet
from in_process import Done, clickme


def imagenette(*arguments: object) -> Done:
    return clickme("study", "imagenette", *arguments)


TINY = ["--seeds", 1, "--width", 8, "--size", 64, "--epochs", 1, "--batch", 8, "--no-bf16", "--workers", 0]


def test_a_study_from_photographs_to_the_table(shared_data: Path, koala_model: Path, tmp_path: Path) -> None:
    photographs, home, out = tmp_path / "photographs", tmp_path / "home", tmp_path / "out"
    for wnid in ("n01440764", "n03888257"):
        (photographs / wnid).mkdir(parents=True)
        for source in sorted((shared_data / "imagenette-sample" / wnid).glob("*.JPEG"))[:10]:
            (photographs / wnid / source.name).symlink_to(source)
    command = [photographs, "--out", out, "--home", home, *TINY]

    refused = imagenette(*command)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith("clickme: No partner is there to follow")
    assert not out.exists()

    # The quicker form that plays cannot say where it finds a class; the plain partner behind it can.
    folder = open_home(home).partner
    plain = install("resnet50", folder=folder, cache=Settings().cache, report=quiet)
    shutil.copy(koala_model, folder / "form.onnx")
    judgement = Judgement(1, 1, 1, 1, 1, 1, 1, 1.0, 2.0, 1, "CPUExecutionProvider", "1")
    keep_form(folder, folder / "form.onnx", "int8", plain, judgement)
    done = imagenette(*command)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:8]] == [arm.name for arm in ARMS]
    assert [line[:2] for line in lines[8:]] == ["", *["- "] * 5]
    assert "±" not in done.stdout  # of one seed
    for arm in ARMS:
        assert f"{arm.name}, seed 0" in done.stderr
    assert "14 photographs of 2 classes to train on, 14 with a map; 2 to validate on" in done.stderr

    again = imagenette(*command)
    assert again.stdout == done.stdout
    assert "epoch 1: loss" not in again.stderr


def test_a_study_of_a_data_set_that_is_painted_asks_for_no_partner(
    photographs: Path, painted: tuple[Path, Facts], tmp_path: Path
) -> None:
    shutil.copytree(painted[0], tmp_path / "out" / "data")
    done = imagenette(photographs, "--out", tmp_path / "out", "--home", tmp_path / "home", *TINY)
    assert done.returncode == 0, done.stderr
    assert len(json.loads((tmp_path / "out" / "study.json").read_text())["judgements"]) == 6


@pytest.mark.parametrize(
    ("choice", "says"),
    [(["--coco", "none"], "COCO"), (["--batch", 64], "choose a smaller --batch")],
)
def test_a_study_that_cannot_be(
    choice: list[object], says: str, photographs: Path, painted: tuple[Path, Facts], tmp_path: Path
) -> None:
    shutil.copytree(painted[0], tmp_path / "out" / "data")
    command = [photographs, "--out", tmp_path / "out", "--home", tmp_path / "home", *TINY]
    done = imagenette(*command, *choice)
    assert done.returncode == 1
    assert says in done.stderr.splitlines()[-1]
    assert not (tmp_path / "out" / "runs").exists()


def test_data_of_other_photographs_are_not_taken(
    photographs: Path, painted: tuple[Path, Facts], tmp_path: Path
) -> None:
    shutil.copytree(painted[0], tmp_path / "out" / "data")
    shutil.copytree(photographs / "n01440764", tmp_path / "others" / "n01440764")
    done = imagenette(tmp_path / "others", "--out", tmp_path / "out", "--home", tmp_path / "home", *TINY)
    assert done.returncode == 1
    assert "was painted on other photographs than those in" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "out" / "runs").exists()


@pytest.mark.parametrize("model", ["gala-resnet-18", "resnet-34"])
def test_only_plain_networks_are_compared(photographs: Path, model: str, tmp_path: Path) -> None:
    done = imagenette(photographs, "--out", tmp_path / "out", "--home", tmp_path / "home", "--model", model)
    assert done.returncode == 2
    assert "'resnet-18', 'resnet-50'" in done.stderr
    assert not (tmp_path / "out").exists()
