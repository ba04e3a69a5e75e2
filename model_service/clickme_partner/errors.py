"""What goes wrong with a partner in a way that a person can mend."""


class PartnerError(Exception):
    """`code` is for programs, stable; `message` for people: what is wrong, what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Busy(PartnerError):
    """Too many views wait already; try again after so many seconds."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("busy", "More views wait for the partner than it can look at soon: try again later.")
        self.retry_after_s = retry_after_s
