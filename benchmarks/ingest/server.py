"""The game with a clock that stands still: `python -m benchmarks.ingest.server PORT`.

A round takes as many bubbles as its clock allows, and a brush paints twenty a second. Here the clock is moved
on almost to the end of all rounds, and stands: their bubbles may then come as quickly as they can be taken.
A line on stdin moves the clock by so many seconds, and is answered on stdout.
"""

import asyncio
import signal
import sys
import threading
import time
from contextlib import ExitStack, closing

from clickme.app import create_app
from clickme.kit.house import open_house
from clickme.kit.logs import set_up_logs
from clickme.process import Server
from clickme_partner.engine import Engine
from clickme_partner.inference.serve import leave, listen

from ..load.stub import NEVER, Stub

BATCH = 32  # views


class StandingClock:
    """It stands still but for what it is moved by."""

    def __init__(self) -> None:
        self.moment = time.time()
        self.moved = asyncio.Condition()

    def now(self) -> float:
        return self.moment

    async def until(self, moment: float) -> None:
        async with self.moved:
            await self.moved.wait_for(lambda: self.moment >= moment)

    async def move(self, seconds: float) -> None:
        async with self.moved:
            self.moment += seconds
            self.moved.notify_all()


def obey(clock: StandingClock, loop: asyncio.AbstractEventLoop) -> None:
    """Do what stdin says, until it ends."""
    for line in sys.stdin:
        asyncio.run_coroutine_threadsafe(clock.move(float(line)), loop).result()
        print(line, end="", flush=True)


def main(port: int) -> None:
    set_up_logs()
    signal.signal(signal.SIGTERM, leave)
    clock = StandingClock()

    def answers() -> None:
        threading.Thread(target=obey, args=[clock, asyncio.get_running_loop()], daemon=True).start()
        print("ready", flush=True)

    with ExitStack() as stack:
        house = stack.enter_context(open_house())
        listening = stack.enter_context(closing(listen("127.0.0.1", port)))
        partner = stack.enter_context(closing(Engine(Stub(enough=NEVER), batch=BATCH)))
        app = create_app(house, partner, clock)
        Server(app, house.settings.limits, answers).run(sockets=[listening])


if __name__ == "__main__":
    main(int(sys.argv[1]))
