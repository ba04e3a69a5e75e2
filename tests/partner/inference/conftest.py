"""A tiny partner, and the service in front of it or of any other."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from onnx import TensorProto

from clickme_partner.engine import Engine
from clickme_partner.looks import Looker
from clickme_partner.session import Session
from partner.inference.made import served

Serve = Callable[..., str]


@pytest.fixture
def partner(tiny: Callable[..., Path]) -> Session:
    return Session(tiny("NHWC", kind=TensorProto.UINT8), version="tiny@abc")


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts the service with an engine for this looker; where it is."""
    with ExitStack() as stack:

        def start(looker: Looker, *, batch: int = 4, most_waiting: int | None = None) -> str:
            engine = stack.enter_context(closing(Engine(looker, batch=batch, most_waiting=most_waiting)))
            return stack.enter_context(served(engine))

        yield start
