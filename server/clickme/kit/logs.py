"""Logs: one line an event, on stderr; JSON where no person is looking.

No line says who. Round and request ids are there; what a player is called, where they play from, what they
typed and their cookie are not, whoever logs: keys that would hold them are dropped here, exceptions are
written without the values of variables, and of any text only its first line, because Postgres and pydantic
quote what they were given on the lines after it.
"""

import logging
import sys
from typing import Any, Final

import structlog
from structlog.processors import ExceptionRenderer, JSONRenderer, TimeStamper, add_log_level
from structlog.stdlib import ProcessorFormatter, add_logger_name
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor

PERSONAL: Final = frozenset({"player", "name", "address", "client", "cookie", "note"})  # keys of an event
LONGEST: Final = 500  # characters, of any text in a line
FRAMES: Final = 30  # of a traceback


def set_up_logs() -> None:
    """Have the events of this process written on stderr: ours from `info` on, libraries' from `warning` on.

    Libraries' (uvicorn, SQLAlchemy, asyncio, Python's own warnings) go through the same processors, and
    have the name of their `logger`.
    """
    chain = processors(person=sys.stderr.isatty())
    structlog.configure(
        processors=chain,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[add_logger_name],
            processors=[ProcessorFormatter.remove_processors_meta, *chain],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(True)


def processors(*, person: bool) -> list[Processor]:
    """From an event to its line: in colours for a `person` at a terminal, else JSON."""
    begin: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_log_level,
        TimeStamper(fmt="iso", utc=True),
    ]
    if person:
        plain = structlog.dev.plain_traceback
        return [*begin, discreet, structlog.dev.ConsoleRenderer(exception_formatter=plain)]
    tracebacks = ExceptionRenderer(ExceptionDictTransformer(show_locals=False, max_frames=FRAMES))
    return [*begin, tracebacks, discreet, JSONRenderer()]


def discreet(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """The event without what is personal."""
    return {
        key: value if key == "exc_info" else brief(value)
        for key, value in event.items()
        if key not in PERSONAL
    }


def brief(value: Any) -> Any:
    """The value with the first line of each text in it."""
    match value:
        case bool() | int() | float() | None:
            return value
        case dict():
            return {key: brief(part) for key, part in value.items()}
        case list() | tuple() | set() | frozenset():
            return [brief(part) for part in value]
        case _:
            return str(value).partition("\n")[0][:LONGEST]
