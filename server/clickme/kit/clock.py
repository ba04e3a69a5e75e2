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
    """The time of day when it was made, moved on by the monotonic clock: nobody can set it back."""

    def __init__(self) -> None:
        self.offset = time.time() - time.monotonic()

    def now(self) -> float:
        return self.offset + time.monotonic()

    async def until(self, moment: float) -> None:
        while (left := moment - self.now()) > 0:
            await asyncio.sleep(left)


def as_time(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)
