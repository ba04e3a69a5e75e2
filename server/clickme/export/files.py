"""Files that appear together and whole, or not at all."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO

from clickme.kit.problems import Problem

NewFile = Callable[[str], AbstractContextManager[BinaryIO]]


def refuse_unless_empty(folder: Path) -> None:
    """Problem `folder_not_empty` if `folder` holds anything already: an export never mixes with another."""
    try:
        first = next(folder.iterdir(), None)
    except FileNotFoundError:
        return
    except OSError as error:
        raise cannot_write(folder, error) from None
    if first is not None:
        raise Problem(
            "folder_not_empty",
            f"{folder} is not empty: it holds {first.name}. Name a new folder with --out, or empty this one.",
        )


@contextmanager
def files_together(folder: Path) -> Iterator[NewFile]:
    """Gives a function that opens a new file in `folder`. All get their names when the block ends well.

    Until then each lies under a hidden name; if anything fails, Ctrl-C too, none of them stays. Problem
    `cannot_write` if the folder cannot be made, is full, or another export is writing the same files.
    """
    begun: list[Path] = []
    named: list[Path] = []

    @contextmanager
    def new_file(name: str) -> Iterator[BinaryIO]:
        with hidden(folder / name).open("xb") as file:
            begun.append(folder / name)
            yield file
            file.flush()
            os.fsync(file.fileno())

    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield new_file
        for place in begun:
            hidden(place).replace(place)
            named.append(place)
    except BaseException as failure:
        for left in (*map(hidden, begun), *named):
            left.unlink(missing_ok=True)
        if isinstance(failure, OSError):
            raise cannot_write(folder, failure) from None
        raise


def hidden(place: Path) -> Path:
    return place.with_name(f".{place.name}.partial")


def cannot_write(folder: Path, error: OSError) -> Problem:
    return Problem(
        "cannot_write", f"Files cannot be written to {folder}: {error.strerror}. Nothing was exported."
    )
