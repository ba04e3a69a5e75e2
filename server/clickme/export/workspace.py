"""Where an export is in the making: a hidden folder inside the data set's, which goes when all is done.

Every file in it is whole or absent, so an export can be killed at any moment, and the same command goes on
from what is there. What lies outside the hidden folder is finished.
"""

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clickme.kit.files import whole
from clickme.kit.problems import Problem

HIDDEN = ".export"
LAST = "SHA256SUMS"  # the file that is given its place last


@dataclass(frozen=True)
class Workspace:
    """The folders of an export. Known by path alone, so that a worker on another machine finds its way."""

    out: Path  # the data set's folder

    @property
    def hidden(self) -> Path:
        return self.out / HIDDEN

    @property
    def plan(self) -> Path:
        """Written last of what was read from the database: with it, the database is no longer needed."""
        return self.hidden / "plan.json"

    def strokes(self, number: int) -> Path:
        """The photographs of a shard, with their strokes."""
        return self.hidden / "strokes" / f"{number:05}.ndjson"

    def pairs(self, number: int) -> Path:
        """Photographs that reliability is measured on, a chunk of them."""
        return self.hidden / "pairs" / f"{number:05}.ndjson"

    def built(self, name: str) -> Path:
        """A finished file that has not got its place in the data set yet."""
        return self.hidden / "built" / name

    def result(self, task: str, number: int) -> Path:
        """What a task came to. It is done once this is there."""
        return self.hidden / "results" / f"{task}-{number:05}.json"


@contextmanager
def held(workspace: Workspace) -> Iterator[None]:
    """Hold the folder for this export alone. The kernel lets go when the process ends, however it ends.

    Problem `cannot_write` if the folder cannot be made, `export_runs` if another export is writing there.
    """
    with writing(workspace.out):
        workspace.hidden.mkdir(parents=True, exist_ok=True)
        lock = (workspace.hidden / "lock").open("a")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem(
                "export_runs",
                f"Another export is writing to {workspace.out}. Wait for it, or name another folder.",
            ) from None
        yield


@contextmanager
def writing(out: Path) -> Iterator[None]:
    """Turn an error of the disk into Problem `cannot_write`: what is done stays, and the rest can follow."""
    try:
        yield
    except OSError as error:
        raise Problem(
            "cannot_write",
            f"Files cannot be written to {out}: {error.strerror or error}. Nothing half-written is left, and "
            "what was finished is kept. Mend that, then run the same command again: it goes on from there.",
        ) from None


def write_json(path: Path, value: Any) -> None:
    with whole(path) as partial:
        partial.write_text(json.dumps(value, ensure_ascii=False))


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def refuse_others(workspace: Workspace, mine: set[str]) -> None:
    """Problem `folder_not_empty` if the folder holds a file that is none of `mine`: exports never mix."""
    try:
        first = next((str(path) for path in _files(workspace.out) if path.as_posix() not in mine), None)
    except NotADirectoryError as error:
        raise Problem("cannot_write", f"{workspace.out} is not a folder: {error.strerror}.") from None
    if first is not None:
        raise Problem(
            "folder_not_empty",
            f"{workspace.out} is not empty: it holds {first}. "
            "Name a new folder with --out, or empty this one.",
        )


def _files(out: Path) -> Iterator[Path]:
    """What lies in the data set's folder, below it and by its relative path; empty folders do not count."""
    if not out.exists():
        return
    for found in sorted(out.iterdir()):
        if found.name == HIDDEN:
            continue
        if found.is_dir() and not found.is_symlink():
            yield from (path.relative_to(out) for path in found.rglob("*") if not path.is_dir())
        else:
            yield found.relative_to(out)


def publish(workspace: Workspace, name: str) -> None:
    """Give a finished file its place. Done before, it changes nothing."""
    built, place = workspace.built(name), workspace.out / name
    place.parent.mkdir(parents=True, exist_ok=True)
    if built.exists():
        built.replace(place)


def clear(workspace: Workspace) -> None:
    """Remove the hidden folder, the plan first of all: what it was for is done."""
    workspace.plan.unlink(missing_ok=True)
    shutil.rmtree(workspace.hidden)


def forget_finished(workspace: Workspace) -> None:
    """Remove what is left of the hidden folder of an export that was killed after its last file."""
    if workspace.hidden.exists() and (workspace.out / LAST).exists():
        shutil.rmtree(workspace.hidden)
