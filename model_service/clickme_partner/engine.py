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

PAUSE_S: Final = 0.5  # before a partner that is away is tried again,
LONGEST_PAUSE_S: Final = 2.0  # and up to this, where one look after the other fails
BUSY_S: Final = 0.1  # before one that has too much to do is asked again
GIVE_UP: Final = 3  # looks that may fail at a view
CHECK_S: Final = 5.0  # with nothing to look at, until the partner is asked whether it is still there
HUNG_S: Final = 15.0  # a look that takes longer is one of a partner that is away; lookers have shorter bounds
LEAVE_S: Final = 10.0  # for the looks that are running when the engine is closed

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
    left: bool = False
    unheard: int = 0  # views taken from here of which nothing has been heard; the engine's lock holds it

    def show(self, view: View) -> None:
        """From now on this is what there is to see; an older view that still waits is never looked at."""
        self.engine.offer(Shown(self, view, time.perf_counter()))

    async def rest(self) -> None:
        """Return when nothing of this seat waits or is looked at."""
        while self.engine.pending(self):
            self.news.clear()
            await self.news.wait()

    async def deserted(self) -> None:
        """Return when the partner is away."""
        while self.engine.away is None:
            self.news.clear()
            await self.news.wait()

    def leave(self) -> None:
        """What waits is of no interest any more, and nothing will be shown."""
        self.left = True
        self.engine.leave(self)
        self.news.set()

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
    """A view at a seat, since when it has been there (s), and how often looking at it has failed."""

    seat: Seat
    view: View
    since: float
    failures: int = 0


class Engine:
    """The partner, shared by all who show it views. It is shown `batch` views at once at most.

    Each of `workers` threads has one batch under way: as many as the looker can look at side by side.
    `most_waiting` bounds the views that wait when `look` adds to them.

    A partner at which a look fails, or takes too long, is away, until a look comes off; where nothing waits
    to be looked at, its word that it is awake is enough. Meanwhile views of seats wait, and come first again.
    """

    def __init__(
        self, looker: Looker, *, batch: int, workers: int = 1, most_waiting: int | None = None
    ) -> None:
        self.looker = looker
        self.batch = batch
        self.away: PartnerError | None = None
        self.watching: set[Callable[[], None]] = set()  # called, from any thread, when it goes or comes
        self._closing = threading.Event()
        self._most_waiting = most_waiting
        self._rate = 1.0  # views/s, by the last batch and how many were looked at beside it
        self._failed_looks = 0  # one after the other
        self._looking: dict[int, float] = {}  # since when each thread's look runs, s
        self._seats: WeakSet[Seat] = WeakSet()
        self._turns: Turns[Shown] = Turns()
        # Holds all of the above together. Only workers wait for it: a view that comes wakes just one.
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._work, args=[number], name=f"partner-{number}", daemon=True)
            for number in range(workers)
        ]
        self._threads.append(threading.Thread(target=self._watch, name="partner-watch", daemon=True))
        for thread in self._threads:
            thread.start()

    @property
    def closed(self) -> bool:
        return self._closing.is_set()

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
        if self._most_waiting is not None and waiting >= self._most_waiting:
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
        """Finish the look that is running, if it does not take long, and forget those that wait."""
        with self._changed:
            self._closing.set()
            self._changed.notify_all()
        self.looker.close()
        deadline = time.monotonic() + LEAVE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._dismiss(GONE, everybody=True)

    # What seats ask for

    def offer(self, shown: Shown) -> None:
        with self._changed:
            if not shown.seat.left:
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

    def _work(self, number: int) -> None:
        rows = np.empty((self.batch, CROP, CROP, 3), np.uint8)
        self._until_awake()
        while not self.closed:
            batch = self._next()
            if batch is None:
                self._until_awake()
            elif seen := self._compose(batch, rows):
                self._look(number, seen, rows[: len(seen)])

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
            except Exception as error:  # whatever it is, the thread goes on
                failure = _failure(error)
                FAILURES.labels(failure.code).inc()
                self._done(shown, failure)
        return seen

    def _look(self, number: int, seen: Sequence[Shown], views: npt.NDArray[np.uint8]) -> None:
        began = self._looking[number] = time.perf_counter()
        try:
            logits = self.looker.logits(views)
            if len(logits) != len(seen):
                raise PartnerError("failed", f"It answered {len(logits)} times when asked {len(seen)}.")
        except Exception as error:  # whatever it is, the thread goes on
            del self._looking[number]
            self._failed(seen, _failure(error))
        else:
            del self._looking[number]
            self._looked(seen, logits, began)

    def _looked(self, seen: Sequence[Shown], logits: npt.NDArray[np.float32], began: float) -> None:
        now = time.perf_counter()
        self._rate = (1 + len(self._looking)) * len(seen) / (now - began)
        self._failed_looks = 0
        LOOKS.observe(now - began)
        BATCHES.observe(len(seen))
        for shown, row in zip(seen, logits, strict=True):
            VERDICTS.observe(now - shown.since)
            self._done(shown, Verdict(shown.view.count, row, self.looker.version))
        self._set_away(None)

    def _done(self, shown: Shown, said: Verdict | PartnerError) -> None:
        with self._changed:
            self._turns.done(shown.seat.owner)
        shown.seat.tell(said)

    def _failed(self, seen: Sequence[Shown], error: PartnerError) -> None:
        """Once more from the front of the queue, in a while; a view that fails too often is told so.

        A partner that has too much to do is not away: it is asked again.
        """
        FAILURES.labels(error.code).inc()
        busy = error.code == "busy"
        for shown in reversed(seen):
            shown.failures += not busy
            if shown.seat.patient and not shown.seat.left and shown.failures < GIVE_UP:
                self._put_back(shown)
            else:
                self._done(shown, error)
        if busy:
            self._closing.wait(BUSY_S)
            return
        self._set_away(error)
        self._closing.wait(min(PAUSE_S * 2**self._failed_looks, LONGEST_PAUSE_S))
        self._failed_looks += 1
        self._until_awake()

    def _put_back(self, shown: Shown) -> None:
        with self._changed:
            shown.seat.unheard -= 1
            self._turns.put_back(shown.seat.owner, shown.seat, shown)
            WAITING.set(len(self._turns))

    def _until_awake(self) -> None:
        """Return when the partner says that it can look, or the engine is closed."""
        while not self.closed:
            try:
                self.looker.wake()
            except Exception as error:  # whatever it is, the thread goes on
                self._set_away(_failure(error))
                self._closing.wait(PAUSE_S)
            else:
                with self._changed:
                    proves_it = self._turns.ready() or bool(self._looking)
                if not proves_it:
                    self._set_away(None)
                return

    def _watch(self) -> None:
        """See to it that a look that never ends is noticed."""
        while not self.closed:
            self._closing.wait(1.0)
            hung = time.perf_counter() - HUNG_S
            if any(began < hung for began in tuple(self._looking.values())):
                self._set_away(PartnerError("hung", f"It has been looking for more than {HUNG_S:g} s."))

    def _set_away(self, error: PartnerError | None) -> None:
        with self._changed:
            changed = (self.away is None) != (error is None)
            self.away = error
            AWAY.set(error is not None)
            told = [*(seat.tell for seat in self._seats), *self.watching] if changed else []
        if error is not None:
            self._dismiss(error)
        for tell in told:
            tell()

    def _dismiss(self, error: PartnerError, *, everybody: bool = False) -> None:
        """Tell those who wait, and are not patient, that nothing comes of it."""
        with self._changed:
            leaving = [shown for shown in self._turns if everybody or not shown.seat.patient]
            for shown in leaving:
                shown.seat.unheard += 1
                self._turns.leave(shown.seat.owner, shown.seat)
            WAITING.set(len(self._turns))
        for shown in leaving:
            shown.seat.tell(error)


def _failure(error: Exception) -> PartnerError:
    return error if isinstance(error, PartnerError) else PartnerError("failed", f"It failed: {error!r}")


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
