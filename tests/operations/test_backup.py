"""The commands of "Backup and restore" in docs/operations.md, run as they stand there."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from clickme.catalogue.service import seed_categories
from clickme.kit.home import open_home
from clickme.kit.house import House, open_house
from clickme.settings import Settings
from made_up import add_photographs, contents, play
from operations.documents import scripts

NOT_KEPT = {"postgres", "valkey", "run"}


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[House]:
    """A house with engines of its own, in which 15 rounds were played."""
    settings = Settings(home=tmp_path / "home", database_url=None, redis_url=None)
    with open_house(settings=settings) as house:
        with house.database.transaction() as session:
            seed_categories(session)
        add_photographs(house, 5)
        play(house)
        yield house


def rows(house: House) -> dict[str, tuple[int, str | None]]:
    """How many rows each table has, and the hash of all of them; of the view of bubbles too."""
    with house.database.transaction() as session:
        found = inspect(session.connection())
        names = [*found.get_table_names(), *found.get_view_names()]
        counted = {}
        for name in names:
            whole = f"SELECT count(*), md5(string_agg(t::text, ';' ORDER BY t::text)) FROM {name} t"  # noqa: S608
            count, digest = session.execute(text(whole)).one()
            counted[name] = (count, digest)
        return counted


def files(root: Path) -> dict[str, str]:
    """The hashes of all files of a home but those of its engines."""
    return {
        name: hashlib.sha256(content).hexdigest()
        for folder in sorted(child.name for child in root.iterdir() if child.name not in NOT_KEPT)
        for name, content in contents_of(root / folder).items()
    }


def contents_of(path: Path) -> dict[str, bytes]:
    if path.is_file():
        return {path.name: path.read_bytes()}
    return {f"{path.name}/{name}": content for name, content in contents(path).items()}


def test_what_is_restored_is_what_was_backed_up(embedded: House, tmp_path: Path) -> None:
    before, kept = rows(embedded), files(embedded.home.root)
    assert before["rounds"][0] == 15 and before["bubbles"][0] > 100
    assert sum(name.startswith("photographs/") for name in kept) == 5
    assert "secret" in kept

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", scripts("Backup and restore")],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if not name.startswith(("CLICKME_", "PG"))}
        | {
            "CLICKME_HOME": str(embedded.home.root),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "LOOK" not in done.stdout

    settings = Settings(home=tmp_path / "restored", database_url=None, redis_url=None)
    with open_house(settings=settings) as restored:
        assert rows(restored) == before
        assert files(open_home(settings.home).root) == kept
        # Numbers go on where they were: no round gets one that was given before.
        with restored.database.transaction() as session:
            newest = session.scalar(text("SELECT max(id) FROM rounds"))
            assert session.scalar(text("SELECT nextval('rounds_id_seq')")) > newest
