"""What lies beside the shards, by the programs that it is written for."""

import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import mlcroissant
import pytest
import yaml

from interop.data_sets import EXPORTS

LICENSED = {name for name, options in EXPORTS.items() if "--licence" in options}
UNLICENSED = 'Property "https://schema.org/license" is recommended, but does not exist.'


@pytest.mark.parametrize("name", EXPORTS)
def test_croissant_is_valid(exports: Path, name: str) -> None:
    """Without a warning, where a licence was chosen."""
    data_set = mlcroissant.Dataset(str(exports / name / "croissant.json"))

    issues = data_set.metadata.ctx.issues
    warnings = {warning.partition("] ")[2] for warning in issues.warnings}
    assert not issues.errors
    assert warnings == (set() if name in LICENSED else {UNLICENSED})


def test_the_validator_says_so_too(exports: Path) -> None:
    validator = Path(sys.executable).with_name("mlcroissant")
    place = exports / "parquet" / "croissant.json"

    ended = subprocess.run(
        [validator, "validate", "--jsonld", place], stderr=subprocess.PIPE, text=True, check=False
    )

    assert ended.returncode == 0
    assert "Done." in ended.stderr
    assert "warning" not in ended.stderr


def test_croissant_reads_what_is_in_archives(exports: Path) -> None:
    data_set = mlcroissant.Dataset(str(exports / "webdataset" / "croissant.json"))

    found = {
        name: {
            row[f"{name}-records/key"]: row[f"{name}-records/content"]
            for row in data_set.records(f"{name}-records")
        }
        for name in ("jpg", "heatmap.png", "cls", "json")
    }

    assert found["jpg"].keys() == found["heatmap.png"].keys() == found["cls"].keys() == found["json"].keys()
    for key, about in found["json"].items():
        assert json.loads(about)["bbox"]
        assert found["jpg"][key].size == found["heatmap.png"][key].size == (256, 256)


def test_croissant_reads_strokes(exports: Path) -> None:
    rows = list(mlcroissant.Dataset(str(exports / "ndjson" / "croissant.json")).records("records"))

    files = (exports / "ndjson").glob("*.ndjson")
    lines = [json.loads(line) for file in sorted(files) for line in file.read_text().splitlines()]
    assert [row["records/xyt"] for row in rows] == [line["xyt"] for line in lines]
    assert {row["records/split"] for row in rows} == {b"train", b"validation", b"test"}


@pytest.mark.parametrize("name", EXPORTS)
def test_sums_hold(exports: Path, name: str) -> None:
    folder = exports / name

    ended = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=folder, check=True, capture_output=True
    )

    listed = {line.removesuffix(": OK") for line in ended.stdout.decode().splitlines()}
    there = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert listed == there - {"SHA256SUMS"}


@pytest.mark.parametrize("name", EXPORTS)
def test_the_card_begins_with_yaml_and_its_program_runs(
    exports: Path,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    card = (exports / name / "README.md").read_text()
    _, front, body = card.split("---\n", maxsplit=2)
    program = re.search(r"```python\n(.*?)```", body, re.DOTALL)
    assert program is not None
    (tmp_path / "snippet.py").write_text(program[1])
    monkeypatch.chdir(exports / name)

    runpy.run_path(str(tmp_path / "snippet.py"))

    info = json.loads(Path("dataset_info.json").read_text())
    assert len(capsys.readouterr().out.splitlines()) == sum(map(int, info["splits"][0]["shardLengths"]))
    assert yaml.safe_load(front).get("license") == ("cc-by-4.0" if name in LICENSED else None)
