"""An export that is stopped, killed or runs out of room goes on from there, and comes out the same."""

import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from clickme.export.options import Options
from clickme.export.service import export
from clickme.export.workspace import Workspace, held
from clickme.kit.house import House
from clickme.kit.problems import Problem
from clickme.settings import Settings
from conftest import add_images, environment
from made_up import add_photographs, contents, play

CLICKME = Path(sys.executable).with_name("clickme")
MANY = 240  # photographs: enough for processes of their own to do the work


class Interrupt:
    """Ctrl-C when so many photographs have been read, or are in finished shards."""

    def __init__(self, *, reading: int | None = None, writing: int | None = None) -> None:
        self.when = (reading, writing)

    def reading(self, done: int) -> None:
        if done == self.when[0]:
            raise KeyboardInterrupt

    def writing(self, done: int, total: int) -> None:
        if self.when[1] is not None and done >= self.when[1]:
            raise KeyboardInterrupt


NEVER = Interrupt()


@pytest.fixture
def painted(house: House) -> House:
    """Twelve photographs, three players each."""
    add_photographs(house, 12)
    play(house)
    return house


def command(settings: Settings, out: Path, *options: str, **how: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [CLICKME, "export", "--out", str(out), "--per-shard", "8", *options],
        env=environment(settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        **how,
    )


def succeed(process: subprocess.Popen[str]) -> None:
    _, said = process.communicate()
    assert process.returncode == 0, said


# ---- stopped ----


@pytest.mark.parametrize("when", [{"reading": 7}, {"writing": 0}, {"writing": 4}, {"writing": 12}])
def test_the_same_command_goes_on_where_it_was_stopped(
    painted: House, tmp_path: Path, when: dict[str, int]
) -> None:
    options = Options(per_shard=2)
    export(painted, tmp_path / "undisturbed", options, NEVER)

    with pytest.raises(KeyboardInterrupt):
        export(painted, tmp_path / "out", options, Interrupt(**when))
    assert [found.name for found in (tmp_path / "out").iterdir()] == [".export"]
    export(painted, tmp_path / "out", options, NEVER)

    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")


def test_what_is_played_meanwhile_is_for_the_next_export(painted: House, tmp_path: Path) -> None:
    export(painted, tmp_path / "undisturbed", Options(), NEVER)
    with pytest.raises(KeyboardInterrupt):
        export(painted, tmp_path / "out", Options(), Interrupt(writing=0))

    add_photographs(painted, 3, after=12)
    play(painted, players=1, seed=1)
    export(painted, tmp_path / "out", Options(), NEVER)

    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")


def test_finished_shards_are_not_made_again(painted: House, tmp_path: Path) -> None:
    options = Options(per_shard=2)
    with pytest.raises(KeyboardInterrupt):
        export(painted, tmp_path / "out", options, Interrupt(writing=4))
    built = {file: file.stat().st_mtime_ns for file in (tmp_path / "out" / ".export" / "built").iterdir()}
    assert built

    with pytest.raises(KeyboardInterrupt):
        export(painted, tmp_path / "out", options, Interrupt(writing=12))

    assert (
        built.items()
        <= {
            file: file.stat().st_mtime_ns for file in (tmp_path / "out" / ".export" / "built").iterdir()
        }.items()
    )


def test_other_options_do_not_finish_it(painted: House, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        export(painted, tmp_path / "out", Options(per_shard=2), Interrupt(writing=4))

    with pytest.raises(Problem, match="other options") as raised:
        export(painted, tmp_path / "out", Options(per_shard=3), NEVER)

    assert raised.value.code == "other_export"


def test_two_exports_do_not_write_to_one_folder(painted: House, tmp_path: Path) -> None:
    with held(Workspace(tmp_path / "out")), pytest.raises(Problem) as raised:
        export(painted, tmp_path / "out", Options(), NEVER)

    assert raised.value.code == "export_runs"


def test_a_file_of_somebody_else_s_stops_it_before_anything_is_given_its_name(
    painted: House, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        export(painted, tmp_path / "out", Options(), Interrupt(writing=0))
    (tmp_path / "out" / "notes.txt").touch()

    with pytest.raises(Problem, match=r"notes\.txt") as raised:
        export(painted, tmp_path / "out", Options(), NEVER)

    assert raised.value.code == "folder_not_empty"
    assert sorted(found.name for found in (tmp_path / "out").iterdir()) == [".export", "notes.txt"]


def test_a_folder_below_a_file_cannot_be_written(painted: House, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for out in (tmp_path / "file" / "folder", tmp_path / "file"):
        with pytest.raises(Problem) as raised:
            export(painted, out, Options(), NEVER)
        assert raised.value.code == "cannot_write"


# ---- killed ----


def test_twenty_kills_at_any_moment_change_nothing(house: House, settings: Settings, tmp_path: Path) -> None:
    """SIGKILL, at moments drawn from the length of an undisturbed export; then the same command once more."""
    add_images(house, MANY)
    play(house, players=2)
    began = time.monotonic()
    succeed(command(settings, tmp_path / "undisturbed"))
    length = time.monotonic() - began
    chance = random.Random(20)

    died = 0
    for attempt in range(60):
        if died == 20:
            break
        process = command(settings, tmp_path / "out")
        try:
            process.wait(timeout=chance.uniform(0.2 * length, 0.9 * length))
        except subprocess.TimeoutExpired:
            process.kill()
            died += 1
        process.communicate()
        if is_finished(tmp_path / "out"):
            assert_same(tmp_path / "out", tmp_path / "undisturbed")
            (tmp_path / "out").rename(tmp_path / f"finished {attempt}")  # and go on with a new one
    assert died == 20
    succeed(command(settings, tmp_path / "out"))

    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")


def is_finished(out: Path) -> bool:
    return (out / "SHA256SUMS").exists() and not (out / ".export" / "plan.json").exists()


def assert_same(out: Path, undisturbed: Path) -> None:
    """The same files, but for what a kill at the very end has left of the hidden folder."""
    shutil.rmtree(out / ".export", ignore_errors=True)
    assert contents(out) == contents(undisturbed)


def test_what_a_kill_at_the_very_end_left_is_removed(painted: House, tmp_path: Path) -> None:
    export(painted, tmp_path / "out", Options(), NEVER)
    finished = contents(tmp_path / "out")
    (tmp_path / "out" / ".export" / "strokes").mkdir(parents=True)

    with pytest.raises(Problem) as raised:
        export(painted, tmp_path / "out", Options(), NEVER)

    assert raised.value.code == "folder_not_empty"
    assert not (tmp_path / "out" / ".export").exists()
    assert contents(tmp_path / "out") == finished


def test_workers_do_not_outlive_a_killed_export(house: House, settings: Settings, tmp_path: Path) -> None:
    add_images(house, MANY)
    play(house, players=1)
    process = command(settings, tmp_path / "out")
    while not any((tmp_path / "out" / ".export").glob("results/*")):
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.02)

    process.kill()

    process.communicate(timeout=60)  # until nobody holds the other end of the pipe, and each worker did


def test_a_killed_worker_is_a_sentence(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_images(house, MANY)
    play(house, players=1)
    submit = ProcessPoolExecutor.submit

    def dying(pool: ProcessPoolExecutor, work: Any, /, *arguments: Any) -> Any:
        return submit(pool, signal.raise_signal, signal.SIGKILL)

    with monkeypatch.context() as patched:
        patched.setattr(ProcessPoolExecutor, "submit", dying)
        with pytest.raises(Problem, match="same command") as raised:
            export(house, tmp_path / "out", Options(), NEVER)
    assert raised.value.code == "worker_died"

    export(house, tmp_path / "out", Options(), NEVER)


# ---- no room, no photograph, another database ----


def test_a_full_disk_in_mid_shard_leaves_nothing_half_written(
    painted: House, settings: Settings, tmp_path: Path
) -> None:
    """A limit on the size of files stands in for the disk: the same write fails, with an OSError."""
    succeed(command(settings, tmp_path / "undisturbed"))
    small = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (100_000, 100_000))

    process = command(settings, tmp_path / "out", preexec_fn=small)
    _, said = process.communicate()

    assert process.returncode == 1
    assert "cannot be written" in said
    assert "Traceback" not in said
    assert [found.name for found in (tmp_path / "out").iterdir()] == [".export"]
    succeed(command(settings, tmp_path / "out"))
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")


def test_a_database_that_goes_away_is_a_sentence(house: House, tmp_path: Path) -> None:
    add_images(house, MANY)
    play(house, players=2)
    undisturbed = tmp_path / "undisturbed"
    export(house, undisturbed, Options(), NEVER)

    class Terminate(Interrupt):
        def reading(self, done: int) -> None:
            if done == 1:
                with house.database.engine.connect() as other:
                    other.execute(text(TERMINATE_THE_REST))

    with pytest.raises(Problem, match="went away") as raised:
        export(house, tmp_path / "out", Options(), Terminate())
    assert raised.value.code == "database_lost"
    export(house, tmp_path / "out", Options(), NEVER)

    assert contents(tmp_path / "out") == contents(undisturbed)


TERMINATE_THE_REST = """
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def test_a_database_of_another_version_is_not_exported(
    painted: House, settings: Settings, tmp_path: Path
) -> None:
    with painted.database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))

    process = command(settings, tmp_path / "out")
    _, said = process.communicate()

    assert process.returncode == 1
    assert "clickme db migrate" in said
    assert not (tmp_path / "out").exists()
