"""A partner that looks when it is let, and fails when it is told to: what the network does to a real one."""

import threading

import numpy as np
from numpy.typing import NDArray

from clickme_partner.errors import PartnerError


class Held:
    """What it believes in most is the class that a view's first pixel is numbered with."""

    version = "held@test"

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.lets = threading.Semaphore(0)  # looks that may end
        self.looking = threading.Semaphore(0)  # looks that have begun
        self.beliefs = np.eye(1000, dtype=np.float32)  # by a view's number
        self.failing = ""  # the code it fails with
        self.awake = True

    def logits(self, views: NDArray[np.uint8]) -> NDArray[np.float32]:
        numbers = [int(view[0, 0, 0]) for view in views]
        self.batches.append(numbers)
        self.looking.release()
        assert self.lets.acquire(timeout=30)
        if self.failing:
            raise PartnerError(self.failing, "It fails.")
        return self.beliefs[numbers]

    def wake(self) -> None:
        if not self.awake:
            raise PartnerError("unreachable", "Nobody answers.")

    def close(self) -> None:
        self.lets.release(100)
