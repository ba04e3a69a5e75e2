"""Many players made of code at once, for a while."""

import asyncio
import random
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final

import httpx2

from clickme.kit.problems import Problem
from clickme.simulate.guest import Guest
from clickme.simulate.line import wait_before
from clickme.simulate.player import sign_up
from clickme.simulate.rehearsal import Rehearsal
from clickme.simulate.strokes import Strategy, spiral
from clickme.simulate.tally import Tally
from clickme_partner.published import Report as Say

ARRIVALS_PER_S: Final = 40.0  # players
TRIES: Final = 6  # to sign up, at a server that comes and goes
SIGNING_UP: Final = 20  # at once
LAST_ROUND_S: Final = 40.0  # for rounds that run when the time is up: a server waits no longer to close one
CROWDED: Final = (
    "For a test, start it with CLICKME_LIMIT_SIGN_UPS=100000/minute and "
    "CLICKME_LIMIT_SOCKETS_PER_ADDRESS=100000."
)


@dataclass(frozen=True)
class Plan:
    """Who comes, and for how long."""

    url: str
    players: int
    seconds: float  # from when all have come until nobody begins another round
    drop: float = 0.0  # the share of players, in [0, 1], whose connection is lost again and again,
    between_losses_s: float = 15.0  # at random moments that lie so far apart on average
    strategy: Strategy = spiral
    seed: int = 0


class Crowd:
    """Players who come one after another, play for a while, and leave when their last round is over."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.tally = Tally()
        self.rehearsal = Rehearsal(plan.strategy, plan.seed)
        self.leaving = False  # nobody begins another round
        self.seconds = 0.0  # for which it was measured,
        self.cores = 0.0  # and what this program took of the processor meanwhile
        self._chance = random.Random(plan.seed)  # noqa: S311 - moments are no secret
        self._here = 0
        self._all_here = asyncio.Event()
        self._refused = asyncio.Event()

    async def visit(self, say: Say, during: AbstractContextManager[object] | None = None) -> None:
        """The whole visit. `during` is entered when all have come, and left when the time is up.

        Raises Problem `no_answer`, `too_many_sign_ups`, `too_many_sockets`.
        """
        limits = httpx2.Limits(max_connections=SIGNING_UP)
        # Each player has a cookie of their own: this client is to keep none.
        none = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        async with httpx2.AsyncClient(
            base_url=self.plan.url, timeout=30, limits=limits, cookies=none
        ) as self.http:
            try:
                async with asyncio.TaskGroup() as group:
                    last = self.plan.players / ARRIVALS_PER_S
                    moments = [self._chance.uniform(0, last) for _ in range(self.plan.players)]
                    visits = [group.create_task(self._guest(*each)) for each in enumerate(moments)]
                    refused = group.create_task(self._until_refused())
                    say("Arriving")
                    await self._all_here.wait()
                    with during or nullcontext():
                        await self._measure(say, visits)
                    self.leaving = True
                    say("The last rounds")
                    _, left = await asyncio.wait(visits, timeout=LAST_ROUND_S)
                    for visit in left:
                        visit.cancel()
                    refused.cancel()
            except ExceptionGroup as failed:
                raise failed.exceptions[0] from None

    async def _measure(self, say: Say, visits: Sequence[asyncio.Task[None]]) -> None:
        """Until the time is up, or there is nobody left."""
        began, used = time.perf_counter(), time.process_time()
        self.tally.measuring = True
        while (left := began + self.plan.seconds - time.perf_counter()) > 0:
            say("Playing", 1 - left / self.plan.seconds)
            await asyncio.sleep(min(1.0, left))
            if all(visit.done() for visit in visits):
                break
        self.tally.measuring = False
        self.seconds = time.perf_counter() - began
        self.cores = (time.process_time() - used) / self.seconds

    async def _guest(self, number: int, moment: float) -> None:
        await asyncio.sleep(moment)
        guest = Guest(self, number, await self._sign_up())
        self._here += 1
        if self._here == self.plan.players:
            self._all_here.set()
        await guest.play()

    async def _sign_up(self) -> str:
        """The cookie of a new player."""
        for attempt in range(TRIES):
            try:
                return await sign_up(self.http)
            except httpx2.HTTPError as error:
                code = error.response.status_code if isinstance(error, httpx2.HTTPStatusError) else None
                if code == httpx2.codes.TOO_MANY_REQUESTS:
                    raise Problem(
                        "too_many_sign_ups",
                        f"After {self._here} players the server lets in no more from this address for now. "
                        + CROWDED,
                    ) from None
                if self._here == 0 or attempt == TRIES - 1:
                    raise Problem(
                        "no_answer", f"The server at {self.plan.url} does not play along: {error}"
                    ) from None
                self.tally.errors[f"sign_up_{code}" if code else "no_answer"] += 1
            await asyncio.sleep(wait_before(attempt, self._chance.random()))
        raise AssertionError("the last try returns or raises")

    def refuse(self) -> None:
        """The server keeps no more sockets open for this address."""
        self._refused.set()

    async def _until_refused(self) -> None:
        await self._refused.wait()
        raise Problem(
            "too_many_sockets", f"The server keeps no more sockets open for this address. {CROWDED}"
        )
