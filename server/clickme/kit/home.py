"""A home: the folder that holds everything one installation keeps."""

import os
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from clickme.kit.problems import Problem

SHORTEST_KEY = 32  # characters


@dataclass(frozen=True)
class Home:
    """Where things lie under a home's root."""

    root: Path

    @property
    def photographs(self) -> Path:
        return self.root / "photographs"

    @property
    def partner(self) -> Path:
        return self.root / "partner"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey"

    @property
    def run(self) -> Path:
        """Locks and addresses: of use only while something runs."""
        return self.root / "run"

    @property
    def address(self) -> Path:
        """Where the server that runs in this home wrote the address it answers at."""
        return self.run / "address"


def open_home(root: Path) -> Home:
    """The home at `root`, made if need be. Problem `home_not_writable` if it cannot be."""
    home = Home(root.expanduser().absolute())
    try:
        for folder in (home.root, home.photographs, home.partner, home.run):
            folder.mkdir(parents=True, exist_ok=True)
        if not os.access(home.root, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise Problem(
            "home_not_writable",
            f"The home {home.root} cannot be written: {error.strerror}. "
            "Name another one with --home DIR or CLICKME_HOME.",
        ) from None
    return home


def secret_key(home: Home) -> str:
    """The key that signs sessions in this home: made once, readable by its owner alone."""
    place = home.root / "secret"
    if not place.exists():
        # Whole before it has its name: a process that dies here leaves no key, rather than an empty one.
        descriptor, new = tempfile.mkstemp(dir=home.root, prefix=".secret-")
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
        with suppress(FileExistsError):  # another process was quicker
            os.link(new, place)
        Path(new).unlink()
    key = place.read_text()
    if len(key) < SHORTEST_KEY:
        raise Problem(
            "bad_secret", f"{place} is damaged. Remove it: a new one is made, and players sign up again."
        )
    return key
