"""What goes wrong with a partner in a way that a person can mend."""


class PartnerError(Exception):
    """`code` is for programs, stable; `message` for people: what is wrong, what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
