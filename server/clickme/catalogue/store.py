"""Prepared photographs on disk: each once, by its hash, with nothing of the label in the name."""

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from clickme.kit.problems import Problem


def photograph_path(photographs: Path, sha256: str) -> Path:
    """Where the photograph of this hash lies under the home's folder of photographs."""
    return photographs / sha256[:2] / f"{sha256}.jpg"


def keep(photographs: Path, jpeg: bytes) -> str:
    """Write a prepared photograph, whole or not at all, safe from a power cut; give its sha256.

    Raises Problem `not_writable`.
    """
    sha256 = hashlib.sha256(jpeg).hexdigest()
    place = photograph_path(photographs, sha256)
    half = place.with_name(f".{secrets.token_hex(8)}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with half.open("xb") as file:
            file.write(jpeg)
            file.flush()
            os.fsync(file.fileno())
        half.replace(place)
        _settle(place.parent)  # the name
        _settle(photographs)  # and the folder's, which may be new
    except OSError as error:
        with suppress(OSError):
            half.unlink(missing_ok=True)
        raise Problem(
            "not_writable",
            f"{photographs} cannot be written: {error.strerror}. Make room or give yourself the right to "
            "write there, then run the command again.",
        ) from None
    return sha256


def _settle(folder: Path) -> None:
    """Have the disk hold the folder's list: a safe file whose name is lost is no use."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
