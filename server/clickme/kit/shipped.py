"""What travels with the code: found beside it in a wheel, at the root of a checkout otherwise."""

from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def shipped(name: str) -> Path:
    """The folder `name` (`web` or `migrations`)."""
    packed = PACKAGE / name
    return packed if packed.exists() else PACKAGE.parents[1] / name
