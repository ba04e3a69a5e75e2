"""What many ask for at once, done together: while one lot is under way the next gathers."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar

from prometheus_client import Gauge

Thing = TypeVar("Thing")

LINGER_S: Final = 0.004  # that a lot waits for more, where the last one was of more than one,
CROWDED: Final = 4  # and where it was of so many:
CROWDED_LINGER_S: Final = 0.02  # nobody feels it, and there are far fewer lots to do
MOST_AT_ONCE: Final = 500  # things in a lot: while one is under way the next is made ready
MOST_WAITING: Final = 10_000  # things; who has more waits, and so does their browser


class Waiting(NamedTuple, Generic[Thing]):
    thing: Thing
    done: asyncio.Future[Any]


class Lane(Generic[Thing]):
    """A queue, and who empties it: `do` does many things in one go, in a thread, and says what each is told.

    It never raises: an exception is what somebody is told, and is raised where they wait. A lone thing waits
    for nobody.
    """

    def __init__(self, do: Callable[[Sequence[Thing]], Sequence[Any]], length: Gauge | None = None) -> None:
        """`length` says how many wait."""
        self.do = do
        self.length = length
        self.waiting: list[Waiting[Thing]] = []
        self.doing: asyncio.Task[None] | None = None
        self.room = asyncio.Condition()
        self.last = 0  # things in the last lot

    async def hand_in(self, thing: Thing) -> Any:
        """What is told of it, once it is done."""
        if len(self.waiting) >= MOST_WAITING:
            async with self.room:
                await self.room.wait_for(lambda: len(self.waiting) < MOST_WAITING)
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.waiting.append(Waiting(thing, done))
        if self.length:
            self.length.inc()
        if self.doing is None:
            self.doing = asyncio.create_task(self._empty())
        return await done

    async def close(self) -> None:
        """Return when all that was handed in is done."""
        if self.doing is not None:
            await self.doing

    async def _empty(self) -> None:
        while self.waiting:
            if self.last > 1 and len(self.waiting) < MOST_AT_ONCE:
                await asyncio.sleep(LINGER_S if self.last < CROWDED else CROWDED_LINGER_S)
            lot, self.waiting = self.waiting[:MOST_AT_ONCE], self.waiting[MOST_AT_ONCE:]
            if self.length:
                self.length.dec(len(lot))
            async with self.room:
                self.room.notify_all()
            self.last = len(lot)
            said = await asyncio.to_thread(self.do, [each.thing for each in lot])
            for (_, done), answer in zip(lot, said, strict=True):
                if done.cancelled():
                    continue
                if isinstance(answer, Exception):
                    done.set_exception(answer)
                else:
                    done.set_result(answer)
        self.doing = None
