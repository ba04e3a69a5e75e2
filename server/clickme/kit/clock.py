"""The server's clock."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Seconds since 1970 that never go back, and waiting for one of them to come."""

    def now(self) -> float: ...

    async def until(self, moment: float) -> None:
        """Return at `moment` or after."""
        ...


class SystemClock:
    """The time of day when it was made, moved on by a clock that nobody can set back."""

    def __init__(self) -> None:
        self.offset = time.time() - since_boot()

    def now(self) -> float:
        return self.offset + since_boot()

    async def until(self, moment: float) -> None:
        while (left := moment - self.now()) > 0:
            await asyncio.sleep(left)


def since_boot() -> float:
    """Seconds, those that a laptop slept included where the system counts them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def as_time(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)
