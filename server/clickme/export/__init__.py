"""From the database to files that researchers train on, and from those files back to records."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clickme.export.reading import read

__all__ = ["read"]


def __getattr__(name: str) -> Any:
    # Loaded when it is asked for: the command line passes through here, and NumPy is heavy.
    if name == "read":
        from clickme.export.reading import read

        return read
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
