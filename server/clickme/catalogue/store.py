"""Prepared photographs on disk: each once, by its hash, with nothing of the label in the name."""

import hashlib
from pathlib import Path

from clickme.kit.files import settle, whole
from clickme.kit.problems import Problem


def photograph_path(photographs: Path, sha256: str) -> Path:
    """Where the photograph of this hash lies under the home's folder of photographs."""
    return photographs / sha256[:2] / f"{sha256}.jpg"


def keep(photographs: Path, jpeg: bytes) -> str:
    """Write a prepared photograph, whole or not at all, safe from a power cut; give its sha256.

    Raises Problem `not_writable`.
    """
    sha256 = hashlib.sha256(jpeg).hexdigest()
    try:
        with whole(photograph_path(photographs, sha256)) as half:
            half.write_bytes(jpeg)
        settle(photographs)  # the folder of its first two digits may be new
    except OSError as error:
        raise Problem(
            "not_writable",
            f"{photographs} cannot be written: {error.strerror}. Make room or give yourself the right to "
            "write there, then run the command again.",
        ) from None
    return sha256
