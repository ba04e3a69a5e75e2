"""What the tests of the service and of its callers have in common."""

import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import uvicorn
from numpy.typing import NDArray

from clickme_partner.engine import Engine
from clickme_partner.inference.service import create_service

VIEWS = np.random.default_rng(8).integers(0, 256, (5, 224, 224, 3), dtype=np.uint8)


def numbered(numbers: Iterable[int]) -> NDArray[np.uint8]:
    """Views that a held partner tells apart."""
    return np.stack([np.full((224, 224, 3), number, np.uint8) for number in numbers])


@contextmanager
def served(engine: Engine) -> Iterator[str]:
    """The service in this process, on a real port; where it is."""
    config = uvicorn.Config(create_service(engine), lifespan="off", ws="none", log_config=None)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # Whoever comes before it answers waits in the socket's queue.
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
