"""`clickme partner`: what it prints, what it leaves in the home, and with what status."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clickme.kit.home import open_home
from clickme.partners import optimise as module
from clickme.partners.optimise import Demands
from clickme_partner.registry import Measured, installed, measured
from in_process import Done, clickme

ANYTHING = Demands(in_top5=0, first_equal=0, rounds_lost=1, photographs_lost=31, times_as_fast=0)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def plain(home: Path, few_layers: Path) -> Done:
    """A home with a partner that nobody has made quicker."""
    return install(home, few_layers, "--plain")


def install(home: Path, file: Path, *options: str) -> Done:
    done = clickme(
        "partner", "install", "--from", file, "--normalisation", "inside", *options, "--home", home
    )
    assert done.returncode == 0, done.stderr
    return done


def listed(home: Path) -> list[dict[str, Any]]:
    done = clickme("partner", "list", "--json", "--home", home)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def sentence(done: Done) -> str:
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("clickme: ")
    return last


def test_a_partner_is_installed_measured_and_listed(home: Path, plain: Done) -> None:
    used = installed(open_home(home).partner)
    assert used is not None
    assert used.measured is not None
    assert plain.stdout.splitlines()[:2] == [f"few-layers  {used.path}", f"sha256 {used.sha256}"]
    assert plain.stdout.splitlines()[-1].startswith(f"top-1 {used.measured.top1}, top-5 {used.measured.top5}")
    done = clickme("partner", "list", "--home", home)
    assert done.stdout.startswith(f"* few-layers  fp32  {used.sha256[:12]}  top-1 {used.measured.top1}, ")
    (card,) = listed(home)
    assert (card["in_use"], card["path"], card["sha256"]) == (True, str(used.path), used.sha256)


def test_an_empty_home_lists_nothing(home: Path) -> None:
    assert listed(home) == []
    assert clickme("partner", "list", "--home", home).stdout == ""
    for command in (["test"], ["optimise"], ["serve"], ["triton", home / "models"]):
        assert "clickme partner install" in sentence(clickme("partner", *command, "--home", home))


def test_a_quicker_form_that_passes_is_used(
    home: Path, few_layers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEMANDS", ANYTHING)
    done = install(home, few_layers)
    assert "rounds of code players recognised" in done.stdout
    plain, form = listed(home)
    assert (plain["in_use"], form["in_use"]) == (False, True)
    assert (form["name"], form["of"], form["form"]) == ("few-layers-int8", plain["sha256"], "int8")
    assert (form["measured"]["photographs"], form["judgement"]["rounds"]) == (31, 32)
    again = clickme("partner", "optimise", "--home", home)
    assert again.stdout.startswith("few-layers-int8  ")
    assert len(listed(home)) == 2


def test_one_that_does_not_is_no_failed_installation(
    home: Path, few_layers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DEMANDS", replace(ANYTHING, times_as_fast=1e6))
    done = install(home, few_layers)
    assert "The int8 form of few-layers is not kept: " in done.stderr
    assert "Going on with the plain one." in done.stderr
    (card,) = before = listed(home)
    assert card["measured"]["photographs"] == 31
    assert "1e+06 times as many are asked for" in sentence(clickme("partner", "optimise", "--home", home))
    assert listed(home) == before


def test_another_partner_is_used_when_it_is_named(home: Path, plain: Done, koala_model: Path) -> None:
    install(home, koala_model, "--plain")
    assert [card["in_use"] for card in listed(home)] == [False, True]
    done = clickme("partner", "use", "few-layers", "--home", home)
    assert done.stdout == "few-layers is in use.\n"
    assert [card["in_use"] for card in listed(home)] == [True, False]
    said = sentence(clickme("partner", "use", "vgg16", "--home", home))
    assert "few-layers" in said
    assert "koala" in said


def test_a_test_fails_where_less_is_named_than_recorded(home: Path, plain: Done) -> None:
    done = clickme("partner", "test", "--json", "--home", home)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["measured"] == facts["recorded"]
    assert facts["partner"].startswith("few-layers@")
    assert facts["provider"] == "CPUExecutionProvider"
    assert facts["views_per_s"] > 0 and facts["looks"] >= 1

    folder = open_home(home).partner
    used = installed(folder)
    assert used is not None
    measured(folder, used, Measured(31, 31, 31))
    done = clickme("partner", "test", "few-layers", "--home", home)
    assert done.returncode == 1
    assert "recorded: top-1 31, top-5 31 of 31 photographs" in done.stdout
    assert "vgg16" in sentence(clickme("partner", "test", "vgg16", "--home", home))


def test_a_damaged_partner_is_named_and_the_others_are_listed(
    home: Path, plain: Done, koala_model: Path
) -> None:
    install(home, koala_model, "--plain")
    used = installed(open_home(home).partner)
    assert used is not None
    used.path.write_bytes(b"damaged")
    done = clickme("partner", "list", "--home", home)
    assert done.returncode == 0
    assert "is damaged" in done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["few-layers", "koala"]
    assert clickme("partner", "use", "few-layers", "--home", home).returncode == 0


def test_a_repository_for_triton(home: Path, plain: Done, tmp_path: Path) -> None:
    done = clickme("partner", "triton", tmp_path / "models", "--home", home)
    assert done.stdout == f"{tmp_path / 'models' / 'partner'}\n"
    used = installed(open_home(home).partner)
    assert used is not None
    assert (tmp_path / "models" / "partner" / "1" / "model.onnx").read_bytes() == used.path.read_bytes()
    assert used.version in (tmp_path / "models" / "partner" / "config.pbtxt").read_text()


def test_a_server_of_its_own(home: Path, plain: Done) -> None:
    with subprocess.Popen(
        [Path(sys.executable).with_name("clickme"), "partner", "serve", "--port", "0", "--home", home],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ,
    ) as server:
        assert server.stdout is not None
        said = server.stdout.readline()
        assert said.startswith("The partner is at http://127.0.0.1:")
        with urllib.request.urlopen(f"{said.split()[-1]}/v2/models/partner/config") as answer:  # noqa: S310
            config = json.load(answer)
        server.send_signal(signal.SIGTERM)
        assert server.wait() == 0
    assert config["parameters"]["clickme_version"]["string_value"].startswith("few-layers@")
