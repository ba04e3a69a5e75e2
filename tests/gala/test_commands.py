"""`clickme gala`, by its own door."""

import csv
import io
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

import in_process
from clickme_gala.runs import data_of
from gala.made import data_set, export, ilsvrc, mapping, records
from in_process import Done

CLICKME = Path(sys.executable).with_name("clickme")
SMALL = ["--model", "gala-resnet-18", "--width", 8, "--size", 64, "--batch", 8, "--workers", 0]
ONE_THREAD = os.environ | {"OMP_NUM_THREADS": "1"}


def clickme(*arguments: object) -> Done:
    return in_process.clickme("gala", *arguments)


def one_sentence(done: Done) -> str:
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("clickme: ")
    return last


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


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


@pytest.fixture(scope="module")
def plain(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "plain"
    done = clickme("train", data, *SMALL, "--model", "resnet-18", "--epochs", 1, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def folder_of_photographs(tmp_path: Path) -> Path:
    """Two classes as in ILSVRC12, without maps."""
    wnids = ("n01440764", "n01443537")
    names = [f"{wnid}/{wnid}_{number}.JPEG" for wnid in wnids for number in range(4)]
    ilsvrc(tmp_path / "ilsvrc", {"train": names})
    mapping(tmp_path / "ilsvrc" / "LOC_synset_mapping.txt")
    return tmp_path / "ilsvrc"


# ---- train


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


def test_photographs_without_maps_train_when_maps_weigh_nothing(
    folder_of_photographs: Path, tmp_path: Path
) -> None:
    command = ["train", folder_of_photographs, *SMALL, "--epochs", 1, "--out", tmp_path / "run"]
    said = one_sentence(clickme(*command))
    assert "No photograph" in said
    assert "--maps" in said
    assert not (tmp_path / "run").exists()

    done = clickme(*command, "--map-weight", 0)
    assert done.returncode == 0, done.stderr
    assert "8 photographs of 2 classes to train on, 0 with a map; none to validate on" in done.stderr

    done = clickme("to-onnx", tmp_path / "run", "--out", tmp_path / "partner.onnx")
    assert done.returncode == 0, done.stderr
    assert "on 8 photographs" in done.stderr


def test_maps_of_an_export_for_a_folder_of_photographs(folder_of_photographs: Path, tmp_path: Path) -> None:
    names = sorted(
        str(path.relative_to(folder_of_photographs / "train"))
        for path in folder_of_photographs.rglob("*.JPEG")
    )
    made = [replace(one, image_id=name) for one, name in zip(records("train", 8, 2), names, strict=True)][::2]
    maps = export(tmp_path / "maps", made)
    command = ["train", folder_of_photographs, *SMALL, "--map-weight", 0, "--epochs", 1]
    command += ["--out", tmp_path / "run"]
    done = clickme(*command, "--maps", maps)
    assert done.returncode == 0, done.stderr
    assert "8 photographs of 2 classes to train on, 4 with a map" in done.stderr
    assert data_of(tmp_path / "run") == (folder_of_photographs, maps)
    assert "otherwise: maps." in one_sentence(clickme(*command))


def test_one_class_is_nothing_to_learn(tmp_path: Path) -> None:
    alike = data_set(tmp_path / "set", photographs={"train": 8}, classes=1)
    assert "of one class" in one_sentence(clickme("train", alike, *SMALL, "--out", tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_map_of_another_size_is_named_and_left_out(tmp_path: Path) -> None:
    made = records("train", 10, 2)
    made[3] = replace(made[3], heatmap=np.ones((128, 128)))
    export(tmp_path / "set", made)
    done = clickme("train", tmp_path / "set", *SMALL, "--epochs", 1, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("left out: ")]
    assert said.startswith("left out: record 3 of clickme-train.tfrecord-")
    assert "9 photographs of 2 classes to train on, 9 with a map" in done.stderr


def test_a_shard_that_was_cut_short_is_named_and_what_it_lost_counted(run: Path, tmp_path: Path) -> None:
    made = data_set(tmp_path / "set", photographs={"train": 20, "test": 8}, classes=2)
    for shard in (*made.glob("*train*-00001-of-*"), *made.glob("*test*")):
        shard.write_bytes(shard.read_bytes()[:-100])
    done = clickme("train", made, *SMALL, "--epochs", 1, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "19 photographs of 2 classes to train on" in done.stderr
    assert "left out: record 3 of clickme-train.tfrecord-00001-of-00002" in done.stderr

    done = clickme("evaluate", run, "--data", made, "--workers", 0)
    counts = [line.split()[-1] for line in done.stdout.splitlines()[1:3]]
    assert counts == ["7", "1"]  # photographs; unreadable, left out
    assert "Left out: record 7 of clickme-test.tfrecord-00000-of-00001" in done.stdout


def test_a_checkpoint_of_another_model(run: Path, data: Path, tmp_path: Path) -> None:
    shutil.copy(run / "last.pt", tmp_path)
    command = ["train", data, *SMALL, "--model", "resnet-18", "--epochs", 2, "--out", tmp_path]
    assert "last.pt is a checkpoint of another model" in one_sentence(clickme(*command))
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


@pytest.mark.parametrize("choice", [("--batch", 64), ("--accumulate", 3)])
def test_a_batch_that_cannot_be_leaves_no_run_behind(
    choice: tuple[str, int], data: Path, tmp_path: Path
) -> None:
    command = ["train", data, *SMALL, "--epochs", 1, "--out", tmp_path / "run"]
    assert "batch" in one_sentence(clickme(*command, *choice))
    assert not (tmp_path / "run").exists()


def test_a_batch_that_two_processes_cannot_share(data: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--no-python"),
            *("--rdzv-backend=static", "--master-addr=127.0.0.1", f"--master-port={port}"),
            *map(str, [CLICKME, "gala", "train", data, *SMALL, "--batch", 7, "--out", tmp_path / "run"]),
        ],
        env=ONE_THREAD,
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if line.startswith("clickme: ")]
    assert len(said) == 1
    assert said[0].startswith("clickme: A batch of 7 cannot be shared evenly by 2 processes")
    assert not (tmp_path / "run").exists()


def test_a_place_that_cannot_be_written(run: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file is no folder")
    place = tmp_path / "file" / "it"
    drawn = ["--data", data, "--photographs", 1, "--out", place]
    for command in (
        ["train", data, *SMALL, "--epochs", 1, "--out", place],
        ["sweep", data, *SMALL, "--epochs", 1, "--map-weight", 0, "--out", place],
        ["to-onnx", run, "--out", place],
        ["figures", "attention", run, *drawn],
    ):
        said = one_sentence(clickme(*command))
        assert said.startswith(f"clickme: {tmp_path / 'file'}")
        assert "cannot be read or written" in said
    for command in (["to-onnx", run], ["figures", "attention", run, "--data", data]):
        done = clickme(*command, "--out", tmp_path)
        assert done.returncode == 2
        assert "directory" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_leaves_nothing_half_written(data: Path, tmp_path: Path) -> None:
    command = ["train", data, *SMALL, "--epochs", 1, "--out", tmp_path / "run"]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # the weights have four times as much
    try:
        said = one_sentence(clickme(*command))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot be read or written: File too large" in said
    assert not list((tmp_path / "run").glob("*.pt"))
    assert not list((tmp_path / "run").glob(".*"))
    assert clickme(*command).returncode == 0


# ---- evaluate


def test_two_runs_side_by_side(run: Path, plain: Path, data: Path) -> None:
    command = ["evaluate", run, plain, "--data", data, "--workers", 0]
    found = {kind: clickme(*command, "--as", kind) for kind in ("text", "json", "csv")}
    for done in found.values():
        assert done.returncode == 0, done.stderr
        assert "run: photographs" in done.stderr

    reports = json.loads(found["json"].stdout)
    assert [report["name"] for report in reports] == ["run", "plain"]
    for report in reports:
        assert (report["photographs"], report["maps"], report["unreadable"], report["size"]) == (8, 8, 0, 64)
        assert 0 <= report["top5_error"] <= report["top1_error"] <= 100
        assert report["top1_error"] % 12.5 == 0
        assert report["fraction"] == pytest.approx(100 * report["rho"] / report["people"])
        assert report["object_iou"] is None

    rows = list(csv.DictReader(io.StringIO(found["csv"].stdout)))
    for row, report in zip(rows, reports, strict=True):
        assert row["name"] == report["name"]
        assert float(row["rho"]) == report["rho"]
        assert row["object_iou"] == ""

    heading, *lines = found["text"].stdout.splitlines()
    assert heading.split() == ["run", "plain"]
    (errors,) = [line.split() for line in lines if line.startswith("top-1 error, %")]
    assert [float(error) for error in errors[-2:]] == [report["top1_error"] for report in reports]
    assert "Attention was not held against objects: no COCO folder was named." in lines


def test_objects_of_coco(run: Path, plain: Path, data: Path, shared_data: Path, tmp_path: Path) -> None:
    sample = shared_data / "coco-sample"
    coco = tmp_path / "coco"
    (coco / "annotations").mkdir(parents=True)
    about = json.loads((sample / "annotations" / "instances_val2017.json").read_text())
    about["images"] = about["images"][:12]
    chosen = {image["id"] for image in about["images"]}
    about["annotations"] = [one for one in about["annotations"] if one["image_id"] in chosen]
    (coco / "annotations" / "instances_val2017.json").write_text(json.dumps(about))
    (coco / "val2017").symlink_to(sample / "val2017")

    done = clickme(*("evaluate", run, plain, "--data", data, "--coco", coco, "--as", "json", "--workers", 0))
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)
    assert 0 < first["objects"] == second["objects"] <= 12
    for report in (first, second):
        assert 0 < report["object_iou"] < 1
        assert 0 < report["object_iou_equal_areas"] < 1
    assert first["object_p_first"] == 1
    assert 0 < second["object_p_first"] <= 1


@pytest.fixture
def namesakes(run: Path, plain: Path, tmp_path: Path) -> list[Path]:
    """Two runs whose folders have the same name."""
    return [shutil.copytree(one, tmp_path / one.name / "run") for one in (run, plain)]


def test_runs_are_called_so_that_they_are_told_apart(namesakes: list[Path], data: Path) -> None:
    done = clickme("evaluate", *namesakes, "--data", data, "--as", "json", "--workers", 0)
    assert [report["name"] for report in json.loads(done.stdout)] == ["run/run", "plain/run"]


def test_folders_that_are_no_runs(run: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "run.json").write_bytes((run / "run.json").read_bytes()[:-20])
    drawn = ["--data", data, "--out", tmp_path / "it"]
    for folder in (tmp_path / "none", tmp_path, tmp_path / "half"):
        for command in (
            ["evaluate", run, folder, "--data", data],
            ["to-onnx", folder, "--out", tmp_path / "it.onnx"],
            ["figures", "attention", folder, *drawn],
            ["figures", "smoothgrad", run, folder, *drawn],
        ):
            assert f"{folder} is not the folder of a run" in one_sentence(clickme(*command))
    assert "is not the folder of a run" in one_sentence(
        clickme("train", data, *SMALL, "--out", tmp_path / "half")
    )
    assert "no finished sweep" in one_sentence(clickme("figures", "sweep", run, "--out", tmp_path / "it"))
    assert [path.name for path in tmp_path.iterdir()] == ["half"]


def test_a_run_that_was_stopped_before_it_had_weights(run: Path, data: Path, tmp_path: Path) -> None:
    shutil.copy(run / "run.json", tmp_path)
    assert "best.pt" in one_sentence(clickme("evaluate", tmp_path, "--data", data))


def test_weights_of_another_network(run: Path, plain: Path, data: Path, tmp_path: Path) -> None:
    shutil.copy(run / "run.json", tmp_path)
    shutil.copy(plain / "best.pt", tmp_path)
    said = one_sentence(clickme("evaluate", tmp_path, "--data", data))
    assert "best.pt has the weights of another network" in said


def test_data_that_are_none(run: Path, data: Path, tmp_path: Path) -> None:
    assert "is no data set" in one_sentence(clickme("evaluate", run, "--data", tmp_path))
    said = one_sentence(clickme("evaluate", run, "--data", data, "--split", "tset"))
    assert "it has these: train, validation, test." in said
    assert "COCO" in one_sentence(clickme("evaluate", run, "--data", data, "--coco", tmp_path))


# ---- sweep, figures, to-onnx


def size_of(picture: Path) -> tuple[int, int]:
    with Image.open(picture) as opened:
        assert opened.format == "PNG"
        return opened.size


def test_a_sweep_and_its_figure(data: Path, tmp_path: Path) -> None:
    command = ["sweep", data, *SMALL, "--epochs", 1, "--map-weight", 6, "--map-weight", 0]
    done = clickme(*command, "--out", tmp_path / "sweep")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["λ 6, seed 0", "λ 0, seed 0"]
    assert all("top-1 error" in line and "fraction of human variability" in line for line in lines)
    assert done.stderr.count("epoch 1: loss") == 2

    again = clickme(*command, "--out", tmp_path / "sweep")
    assert again.stdout == done.stdout
    assert "epoch 1: loss" not in again.stderr

    drawn = clickme("figures", "sweep", tmp_path / "sweep", "--out", tmp_path / "it")
    assert drawn.stdout == f"{tmp_path / 'it.png'}\n{tmp_path / 'it.svg'}\n"
    assert size_of(tmp_path / "it.png") == (1640, 740)
    assert (tmp_path / "it.svg").read_text().startswith("<?xml")


def test_figures_of_runs(namesakes: list[Path], data: Path, tmp_path: Path) -> None:
    drawn = ["--data", data, "--photographs", 2]
    for name, runs in (("one", namesakes[:1]), ("two", namesakes)):
        done = clickme("figures", "attention", *runs, *drawn, "--out", tmp_path / name)
        assert done.stdout == f"{tmp_path / name}.png\n{tmp_path / name}.svg\n", done.stderr
    done = clickme("figures", "smoothgrad", *namesakes, *drawn, "--out", tmp_path / "pixels")
    assert done.returncode == 0, done.stderr

    one, two, pixels = (size_of(tmp_path / f"{name}.png") for name in ("one", "two", "pixels"))
    assert one[1] == two[1] == pixels[1] - 68  # the line below
    assert two[0] == pixels[0] == one[0] + 318  # a column more: neither run hides the other


def test_a_partner_answers_as_the_network_does(run: Path, tmp_path: Path) -> None:
    done = clickme("to-onnx", run, "--out", tmp_path / "partner.onnx")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{tmp_path / 'partner.onnx'}\n"
    assert "logits as PyTorch's on 8 photographs" in done.stderr
    session = onnxruntime.InferenceSession(tmp_path / "partner.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"image": np.zeros((3, 224, 224, 3), np.uint8)})
    assert logits.shape == (3, 1000)
    assert np.isfinite(logits).all()
