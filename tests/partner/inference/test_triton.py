"""A model repository for Triton, read with Triton's own ModelConfig."""

import json
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto

from clickme_partner.errors import PartnerError
from clickme_partner.inference.triton import write_repository
from clickme_partner.inference.wire import MOST_VIEWS

PROGRAM = Path(__file__).with_name("triton_program.py")


@pytest.fixture
def partner(tiny: Callable[..., Path]) -> Path:
    return tiny("NHWC", kind=TensorProto.UINT8)


def everything_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


WHOLE = ["partner", "partner/1", "partner/1/model.onnx", "partner/config.pbtxt"]


def config_of(model: Path) -> Any:
    done = subprocess.run(
        [sys.executable, PROGRAM, "config", model / "config.pbtxt"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("version", ["resnet50-int8@0123abcd", 'odd "name" \\ ☃@1'])
def test_a_repository_is_what_triton_reads(partner: Path, tmp_path: Path, version: str) -> None:
    folder = tmp_path / "models" / "here"
    model = write_repository(folder, partner, version)
    assert model == folder / "partner"
    assert everything_in(folder) == WHOLE
    assert (model / "1" / "model.onnx").read_bytes() == partner.read_bytes()
    assert config_of(model) == {
        "name": "partner",
        "backend": "onnxruntime",
        "max_batch_size": MOST_VIEWS,
        "input": [{"name": "image", "data_type": "TYPE_UINT8", "dims": ["224", "224", "3"]}],
        "output": [{"name": "logits", "data_type": "TYPE_FP32", "dims": ["1000"]}],
        "dynamic_batching": {},  # no delay, no preferred size
        "instance_group": [{}],  # KIND_AUTO
        "parameters": {"clickme_version": {"string_value": version}},
    }
    for folder_ in (model, model / "1"):  # Triton may run as somebody else
        assert stat.S_IMODE(folder_.stat().st_mode) & 0o055 == 0o055


def test_another_partner_takes_the_place_of_the_first_and_other_models_stay(
    partner: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    (folder / "other").mkdir(parents=True)
    (folder / "other" / "config.pbtxt").write_text("name: 'other'")
    write_repository(folder, partner, "first@1")
    second = tmp_path / "second.onnx"
    second.write_bytes(partner.read_bytes() + b"\0")
    model = write_repository(folder, second, "second@2")
    assert (model / "1" / "model.onnx").read_bytes() == second.read_bytes()
    assert '"second@2"' in (model / "config.pbtxt").read_text()
    assert everything_in(folder) == sorted([*WHOLE, "other", "other/config.pbtxt"])


@pytest.mark.parametrize(
    "files",
    [
        {"config.pbtxt": "name: 'partner'", "1/model.onnx": "of somebody else"},
        {"config.pbtxt": "clickme_version", "1/model.onnx": "", "2/model.onnx": "somebody's own"},
        {"notes.txt": ""},
        {},
    ],
    ids=str,
)
def test_what_somebody_else_has_written_stays(partner: Path, tmp_path: Path, files: dict[str, str]) -> None:
    folder = tmp_path / "models"
    (folder / "partner").mkdir(parents=True)
    for name, text in files.items():
        path = folder / "partner" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    before = everything_in(folder)
    with pytest.raises(PartnerError) as error:
        write_repository(folder, partner, "tiny@1")
    assert error.value.code == "not_ours"
    assert everything_in(folder) == before


def test_without_a_partner_or_a_folder_nothing_is_written(partner: Path, tmp_path: Path) -> None:
    with pytest.raises(PartnerError) as error:
        write_repository(tmp_path / "models", tmp_path / "nothing.onnx", "tiny@1")
    assert error.value.code == "no_model"
    assert not (tmp_path / "models").exists()
    with pytest.raises(PartnerError) as error:
        write_repository(partner, partner, "tiny@1")  # a file where the folder should be
    assert error.value.code == "cannot_write"


def test_a_copy_that_fails_leaves_what_was(
    partner: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "model.onnx")

    folder = tmp_path / "models"
    write_repository(folder, partner, "first@1")
    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(PartnerError) as error:
        write_repository(folder, partner, "second@2")
    assert error.value.code == "cannot_write"
    assert "No space left" in error.value.message
    assert everything_in(folder) == WHOLE
    assert '"first@1"' in (folder / "partner" / "config.pbtxt").read_text()
