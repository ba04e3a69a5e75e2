"""Files that are whole or absent, and safe from a power cut once they have their name."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Gives a path to write a new file to; it becomes `path` when the block ends well.

    The folder is made if need be. If the block fails nothing is left; if the process is killed, a file under
    a hidden name is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{secrets.token_hex(8)}")
    try:
        yield partial
        settle(partial)
        partial.replace(path)
        settle(path.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def settle(path: Path) -> None:
    """Have the disk hold a file, or a folder's list: a safe file whose name is lost is no use."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
