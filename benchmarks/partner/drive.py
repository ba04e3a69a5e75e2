"""Simulated rounds in real time: new views when they are due, however slowly verdicts come.

A program that drives answers each line of its stdin, a JSON object of what is asked, with a line on stdout.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from itertools import count
from typing import Protocol

from .measure import Found, Round, Window

EVERY = 0.05  # s, a bubble at most each tick: a new view
PATIENCE = 15.0  # s, for verdicts of what was measured, once all of it has come


class Place(Protocol):
    """Where a round's views are shown."""

    def show(self, number: int) -> None:
        """From now on this is the newest view."""
        ...

    def leave(self) -> None: ...


Hear = Callable[[int | None], None]  # as Round.hear
Sit = Callable[[int, Hear], Awaitable[Place]]  # a place for the player of this number, from 1 on


async def answer(sit: Sit) -> None:
    """Do what stdin asks for, until it ends."""
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        if "looks" in asked:
            print(json.dumps(await lone(sit, **asked)), flush=True)
        else:
            print(json.dumps(asdict(await load(sit, **asked))), flush=True)


async def load(sit: Sit, *, rounds: int, warm: float, seconds: float) -> Found:
    """Show the views of `rounds` rounds, for `warm` seconds unmeasured, then measured for `seconds`."""
    played = [Round() for _ in range(rounds)]
    places = [await sit(number, each.hear) for number, each in enumerate(played, start=1)]
    began, cpu = time.perf_counter(), time.process_time()
    window = Window(began + warm, began + warm + seconds)
    for tick in count():
        # Rounds take turns within the 50 ms. A view comes when it is due, even if this program is late.
        due = began + tick * EVERY / rounds
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if due >= window.end + PATIENCE or (
            due >= window.end and all(each.settled(window.end) for each in played)
        ):
            break
        turn = tick % rounds
        places[turn].show(played[turn].shown(due))
    ended = time.perf_counter()
    used = (time.process_time() - cpu) / (ended - began)
    for place in places:
        place.leave()
    return Found.of(played, window, used, ended)


async def lone(sit: Sit, *, looks: int, pause: float) -> list[float]:
    """How long each of `looks` views waits, ms: one at a time, `pause` seconds after the last verdict."""
    came: asyncio.Queue[float | None] = asyncio.Queue()

    def hear(number: int | None) -> None:
        came.put_nowait(None if number is None else time.perf_counter())

    place = await sit(1, hear)
    waited = []
    for number in range(1, looks + 1):
        await asyncio.sleep(pause)
        began = time.perf_counter()
        place.show(number)
        moment = await asyncio.wait_for(came.get(), PATIENCE)
        if moment is None:
            raise SystemExit("A lone view got no verdict.")
        waited.append(1000 * (moment - began))
    place.leave()
    return waited
