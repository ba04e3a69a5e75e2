"""Shows the partner views in turns: a lone view at once, in batches where many wait.

Nothing waits for company. While the partner looks at one batch the next gathers by itself, and is made of
the rounds that have waited longest, each with what there is to see of it by then.
"""

import asyncio
import math
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from clickme_partner.errors import Busy, PartnerError
from clickme_partner.looks import Looker, Pixels, Verdict, View
from clickme_partner.metrics import AWAY, BATCHES, FAILURES, LOOKS, VERDICTS, WAITING
from clickme_partner.turns import Turns
from clickme_partner.view import CROP

PAUSE_S: Final = 0.5  # between two tries to wake a partner that is away
CHECK_S: Final = 5.0  # with nothing to look at, until the partner is asked whether it is still there
LEAVE_S: Final = 10.0  # for the look that is running when the engine is closed

GONE: Final = PartnerError("closed", "The partner is told to leave.")

Hear = Callable[[Verdict | PartnerError], None]


@dataclass(eq=False)
class Seat:
    """A place to show views from. `hear` is called on the event loop, with verdicts in the order of views."""

    engine: "Engine"
    owner: Hashable
    hear: Hear
    patient: bool  # its views wait for a partner that is away; else it hears of it
    loop: asyncio.AbstractEventLoop
    news: asyncio.Event
    unheard: int = 0  # views taken from here of which nothing has been heard; the engine's lock holds it

    def show(self, view: View) -> None:
        """From now on this is what there is to see; an older view that still waits is never looked at."""
        self.engine.offer(Shown(self, view, time.perf_counter()))

    async def rest(self) -> None:
        """Return when nothing of this seat waits or is looked at, or the partner is away."""
        while self.engine.pending(self) and self.engine.away is None:
            self.news.clear()
            await self.news.wait()

    def leave(self) -> None:
        """What waits is of no interest any more."""
        self.engine.leave(self)

    def tell(self, said: Verdict | PartnerError | None = None) -> None:
        """From any thread: have it hear this, or look up because the partner came or went."""
        with suppress(RuntimeError):  # its event loop is closed: nobody is there to hear
            self.loop.call_soon_threadsafe(self._told, said)

    def _told(self, said: Verdict | PartnerError | None) -> None:
        if said is not None:
            self.engine.heard(self)
            self.hear(said)
        self.news.set()


@dataclass
class Shown:
    """A view at a seat, since when it has been there (s), and whether looking at it has failed before."""

    seat: Seat
    view: View
    since: float
    failed: bool = False


class Engine:
    """The partner, shared by all who show it views. It is shown `batch` views at once at most.

    Each of `workers` threads has one batch under way: one for a partner in this process, because two looks
    at once would share the same cores. `most_waiting` bounds the views that `look` takes in. While the
    partner is away, views of seats wait, and it is tried again until it looks.
    """

    def __init__(
        self, looker: Looker, *, batch: int, workers: int = 1, most_waiting: int | None = None
    ) -> None:
        self.looker = looker
        self.batch = batch
        self.away: PartnerError | None = None
        self._most_waiting = most_waiting
        self._rate = 1.0  # views/s, of the last batch
        self.watching: set[Callable[[], None]] = set()  # called, from any thread, when it goes or comes
        self._seats: WeakSet[Seat] = WeakSet()
        self._turns: Turns[Shown] = Turns()
        self.closed = False
        self._changed = threading.Condition()  # holds all of the above together
        self._threads = [
            threading.Thread(target=self._work, name=f"partner-{n}", daemon=True) for n in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def version(self) -> str:
        """name@sha256 of the model that looks."""
        return self.looker.version

    @property
    def waiting(self) -> int:
        """Views whose turn has not come."""
        with self._changed:
            return len(self._turns)

    def seat(self, owner: Hashable, hear: Hear, *, patient: bool = True) -> Seat:
        """A place to show views from. All seats of an owner take turns for the owner's one place."""
        seat = Seat(self, owner, hear, patient, asyncio.get_running_loop(), asyncio.Event())
        with self._changed:
            self._seats.add(seat)
        return seat

    async def look(self, views: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Its belief, float32 [n, 1000], about `views` uint8 [n, 224, 224, 3], taking turns with others.

        Raises Busy where too many wait, PartnerError where the partner is away or cannot look.
        """
        if (away := GONE if self.closed else self.away) is not None:
            raise again(away)
        waiting = self.waiting
        if self._most_waiting is not None and waiting + len(views) > self._most_waiting:
            raise Busy(math.ceil(waiting / self._rate))
        loop = asyncio.get_running_loop()
        answers: list[asyncio.Future[npt.NDArray[np.float32]]] = [loop.create_future() for _ in views]
        seats = [self.seat(answer, _answer(answer), patient=False) for answer in answers]
        try:
            for seat, pixels in zip(seats, views, strict=True):
                seat.show(Pixels(pixels))
            said = await asyncio.gather(*answers, return_exceptions=True)
            for failure in said:
                if isinstance(failure, BaseException):
                    raise failure
            return np.stack([row for row in said if not isinstance(row, BaseException)])
        finally:
            for seat in seats:
                seat.leave()

    def close(self) -> None:
        """Finish the look that is running and forget those that wait."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(LEAVE_S)
        self._dismiss(GONE, everybody=True)
        self.looker.close()

    # What seats ask for

    def offer(self, shown: Shown) -> None:
        with self._changed:
            self._turns.offer(shown.seat.owner, shown.seat, shown)
            WAITING.set(len(self._turns))
            self._changed.notify()

    def pending(self, seat: Seat) -> bool:
        with self._changed:
            return seat.unheard > 0 or self._turns.waits(seat.owner, seat)

    def leave(self, seat: Seat) -> None:
        with self._changed:
            self._turns.leave(seat.owner, seat)
            WAITING.set(len(self._turns))

    def heard(self, seat: Seat) -> None:
        with self._changed:
            seat.unheard -= 1

    # What the threads do

    def _work(self) -> None:
        rows = np.empty((self.batch, CROP, CROP, 3), np.uint8)
        self._wake()
        while not self.closed:
            batch = self._next()
            if batch is None:
                self._wake()
                continue
            seen = self._compose(batch, rows)
            if not seen:
                continue
            began = time.perf_counter()
            try:
                logits = self.looker.logits(rows[: len(seen)])
            except PartnerError as error:
                self._failed(seen, error)
            except Exception as error:
                self._failed(seen, PartnerError("failed", f"The partner failed: {error}"))
            else:
                self._looked(seen, logits, began)

    def _next(self) -> list[Shown] | None:
        """Those whose turn it is, once there are any; None when it is time to ask after the partner."""
        with self._changed:
            free = self._changed.wait_for(lambda: self.closed or self._turns.ready(), CHECK_S)
            if self.closed or not free:
                return None
            batch = self._turns.take(self.batch)
            for shown in batch:
                shown.seat.unheard += 1
            WAITING.set(len(self._turns))
            return batch

    def _compose(self, batch: Sequence[Shown], rows: npt.NDArray[np.uint8]) -> list[Shown]:
        """Those whose view is in the rows, one after the other; a view that fails harms no other."""
        seen: list[Shown] = []
        for shown in batch:
            try:
                shown.view.into(rows[len(seen)])
                seen.append(shown)
            except PartnerError as error:
                FAILURES.labels(error.code).inc()
                self._done(shown, error)
        return seen

    def _looked(self, seen: Sequence[Shown], logits: npt.NDArray[np.float32], began: float) -> None:
        now = time.perf_counter()
        self._rate = len(seen) / (now - began)
        LOOKS.observe(now - began)
        BATCHES.observe(len(seen))
        for shown, row in zip(seen, logits, strict=True):
            VERDICTS.observe(now - shown.since)
            self._done(shown, Verdict(shown.view.count, row))

    def _done(self, shown: Shown, said: Verdict | PartnerError) -> None:
        with self._changed:
            self._turns.done(shown.seat.owner)
        shown.seat.tell(said)

    def _failed(self, seen: Sequence[Shown], error: PartnerError) -> None:
        """Once more from the front of the queue, when the partner is back; what fails twice is told so.

        One that has too much to do is not away: it is asked again.
        """
        busy = error.code == "busy"
        for shown in reversed(seen):
            if not shown.seat.patient or (shown.failed and not busy):
                self._done(shown, error)
                continue
            shown.failed = not busy
            with self._changed:
                shown.seat.unheard -= 1
                self._turns.put_back(shown.seat.owner, shown.seat, shown)
        FAILURES.labels(error.code).inc()
        if not busy:
            self._set_away(error)
            self._wake()

    def _wake(self) -> None:
        """Return when the partner can look, or the engine is closed."""
        while not self.closed:
            try:
                self.looker.wake()
            except PartnerError as error:
                self._set_away(error)
                with self._changed:
                    self._changed.wait_for(lambda: self.closed, PAUSE_S)
            else:
                self._set_away(None)
                return

    def _set_away(self, error: PartnerError | None) -> None:
        with self._changed:
            changed = (self.away is None) != (error is None)
            self.away = error
            seats = list(self._seats)
        if not changed:
            return
        AWAY.set(error is not None)
        if error is not None:
            self._dismiss(error)
        for seat in seats:
            seat.tell()
        for tell in tuple(self.watching):
            tell()

    def _dismiss(self, error: PartnerError, *, everybody: bool = False) -> None:
        """Tell those who wait, and are not patient, that nothing comes of it."""
        with self._changed:
            leaving = [shown for shown in self._turns if everybody or not shown.seat.patient]
            for shown in leaving:
                shown.seat.unheard += 1
                self._turns.leave(shown.seat.owner, shown.seat)
        for shown in leaving:
            shown.seat.tell(error)


def again(error: PartnerError) -> PartnerError:
    """The same, to be raised anew: a traceback grows with each raising, and holds on to views."""
    return PartnerError(error.code, error.message)


def _answer(future: "asyncio.Future[npt.NDArray[np.float32]]") -> Hear:
    def hear(said: Verdict | PartnerError) -> None:
        if future.done():
            return
        if isinstance(said, PartnerError):
            future.set_exception(again(said))
        else:
            future.set_result(said.logits)

    return hear
