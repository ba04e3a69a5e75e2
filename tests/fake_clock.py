"""Time that the test moves."""

import asyncio
import threading


class FakeClock:
    """A clock that stands still until it is moved on."""

    def __init__(self) -> None:
        self.moment = 1_800_000_000.0
        self.waiting: list[tuple[float, asyncio.AbstractEventLoop, asyncio.Event]] = []
        self.lock = threading.Lock()

    def now(self) -> float:
        return self.moment

    async def until(self, moment: float) -> None:
        reached = asyncio.Event()
        with self.lock:
            self.waiting.append((moment, asyncio.get_running_loop(), reached))
        if moment > self.moment:
            await reached.wait()

    def advance(self, seconds: float) -> None:
        with self.lock:
            self.moment += seconds
            for moment, loop, reached in self.waiting:
                if moment <= self.moment and not loop.is_closed():
                    loop.call_soon_threadsafe(reached.set)
