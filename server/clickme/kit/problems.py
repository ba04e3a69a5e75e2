"""What goes wrong in a way that a person can mend."""

from typing import Any


class Problem(Exception):
    """An error with two faces: `code` for programs, stable; `message` for people: what is wrong, what to do.

    The command line prints the message and leaves with status 1; HTTP answers `status` with
    `{"error": {"code", "message"}}`.
    """

    def __init__(self, code: str, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

    def __reduce__(self) -> tuple[Any, ...]:
        """So that it comes back whole from another process."""
        return _again, (self.code, self.message, self.status)


def _again(code: str, message: str, status: int) -> Problem:
    return Problem(code, message, status=status)
