"""`clickme images`: what it prints and how it leaves."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image as Pillow
from sqlalchemy import func, select
from typer.testing import CliRunner, Result

from clickme.catalogue.commands import BATCH, add_in_batches, app
from clickme.catalogue.folder import read_folder
from clickme.catalogue.models import Image
from clickme.kit.database import Database
from clickme.kit.house import House
from clickme.kit.problems import Problem
from clickme.settings import Settings

TENCH = "n01440764"


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    assert settings.database_url is not None
    assert settings.redis_url is not None
    return {
        "CLICKME_HOME": str(settings.home),
        "CLICKME_DATABASE_URL": settings.database_url,
        "CLICKME_REDIS_URL": settings.redis_url,
    }


def run(environment: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env=environment)


def photographs(root: Path, number: int, wnid: str = TENCH) -> Path:
    (root / wnid).mkdir(parents=True, exist_ok=True)
    for i in range(number):
        Pillow.new("RGB", (256, 256), (16 * (i % 16), 16 * (i // 16), 0)).save(root / wnid / f"{i:04}.bmp")
    return root


def counts(result: Result) -> dict[str, int]:
    lines = [line.rsplit(maxsplit=1) for line in result.stdout.splitlines()]
    return {name: int(count.replace(",", "")) for name, count in lines}


def test_everything_is_counted_and_the_broken_named(
    environment: dict[str, str], bomb: bytes, tmp_path: Path
) -> None:
    root = photographs(tmp_path / "in" / "train", 3)
    photographs(root, 2, wnid="n99999999")
    (root / TENCH / "text.JPEG").write_text("no photograph")
    (root / TENCH / "bomb.png").write_bytes(bomb)
    Pillow.new("RGB", (1, 1)).save(root / TENCH / "dot.png")
    result = run(environment, "add", str(tmp_path / "in"))
    assert result.exit_code == 0, result.output
    assert counts(result) == {
        "added": 3,
        "already there": 0,
        "too small": 1,
        "too large": 1,
        "unreadable": 1,
        "unknown category": 2,
    }
    assert f"unreadable: {root / TENCH / 'text.JPEG'}: It is not a JPEG" in result.stderr
    assert f"too_large: {root / TENCH / 'bomb.png'}: 20000x20000 px" in result.stderr
    assert "unknown category: n99999999 (2 photographs)" in result.stderr
    again = run(environment, "add", str(tmp_path / "in"), "--json")
    assert again.exit_code == 0
    assert json.loads(again.stdout) == {
        "added": 0,
        "already_there": 3,
        "too_small": 1,
        "too_large": 1,
        "unreadable": 1,
        "unknown_category": 2,
    }


def test_a_folder_of_which_nothing_could_be_used(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "in" / TENCH).mkdir(parents=True)
    (tmp_path / "in" / TENCH / "text.JPEG").write_text("no photograph")
    result = run(environment, "add", str(tmp_path / "in"))
    assert result.exit_code == 1
    assert counts(result)["unreadable"] == 1


def test_a_folder_without_photographs_is_a_problem(environment: dict[str, str], tmp_path: Path) -> None:
    result = run(environment, "add", str(tmp_path))
    assert isinstance(result.exception, Problem)
    assert result.exception.code == "no_photographs"


def test_the_bundled_photographs(environment: dict[str, str]) -> None:
    assert json.loads(run(environment, "demo", "--json").stdout)["added"] == 31
    assert counts(run(environment, "demo"))["already there"] == 31


def test_the_sample_of_the_challenge(environment: dict[str, str], shared_data: Path) -> None:
    """22 of the 200 are too small: test_prepare.py reads that from their headers."""
    sample = str(shared_data / "ilsvrc-sample")
    first, second = run(environment, "add", sample), run(environment, "add", sample)
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert counts(first) | {"added": 178, "too small": 22} == counts(first)
    assert counts(second) | {"already there": 178, "too small": 22} == counts(second)
    assert sum(counts(first).values()) == sum(counts(second).values()) == 200


def entered(house: House) -> int:
    with house.database.transaction() as session:
        return session.scalar(select(func.count()).select_from(Image)) or 0


def test_an_interrupted_run_goes_on_where_it_stopped(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third batch fails at its commit: two are kept, and the next run adds what is missing."""
    folder = read_folder(photographs(tmp_path / "in", 2 * BATCH + 30))
    begin, begun = Database.transaction, 0

    @contextmanager
    def failing(database: Database) -> Iterator[object]:
        nonlocal begun
        begun += 1
        with begin(database) as session:
            yield session
            if begun == 4:  # the first transaction is that of the categories
                raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Database, "transaction", failing)
        for _ in add_in_batches(house, folder):
            pass
    assert entered(house) == 2 * BATCH
    tallies = list(add_in_batches(house, folder))
    assert [(tally.added, tally.there) for tally in tallies] == [(0, BATCH), (0, BATCH), (30, 0)]
    assert entered(house) == len(folder)
    kept = [path for path in house.home.photographs.rglob("*") if path.is_file()]
    assert len(kept) == len(folder)
    assert not [path for path in kept if path.name.startswith(".")]
