"""What the threads of a process spend processor time on, looked at a few hundred times a second."""

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final

EVERY: Final = 0.005  # s
GIVE_WAY: Final = (
    20e-6  # s, after which a thread lets the one that looks in: it would see but those that wait
)
DEPTH: Final = 60  # calls, of a stack
SHOWN: Final = 100  # functions


@contextmanager
def profiled(file: Path) -> Iterator[None]:
    """Write down, in the end, the processor time of threads and functions, in ms a second.

    Time that a thread has taken since the last look counts for the functions it is in now. A number at the
    end of a thread's name is left out: threads of one name are one.
    """
    by_thread: defaultdict[str, float] = defaultdict(float)
    own: defaultdict[str, float] = defaultdict(float)  # functions at work
    whole: defaultdict[str, float] = defaultdict(float)  # functions at work, or waiting for one they called
    done = threading.Event()

    def watch() -> None:
        used: dict[int, float] = {}
        while not done.wait(EVERY):
            threads = {thread.ident: thread for thread in threading.enumerate()}
            for ident, frame in sys._current_frames().items():
                thread = threads.get(ident)
                with suppress(OSError):  # the thread has ended
                    now = cpu_s(thread)
                    took = now - used.get(ident, now)
                    used[ident] = now
                    if took > 0:
                        name = thread.name.rstrip("0123456789_-") if thread else ""
                        stack = [f"{name}  {called}" for called in calls(frame)]
                        by_thread[name] += took
                        own[stack[0]] += took
                        for called in set(stack):
                            whole[called] += took

    watching = threading.Thread(target=watch, name="profile", daemon=True)
    sys.setswitchinterval(GIVE_WAY)
    began = time.perf_counter()
    watching.start()
    try:
        yield
    finally:
        done.set()
        watching.join()
        seconds = time.perf_counter() - began
        said = [f"ms of processor time a second, over {seconds:.0f} s"]
        for title, counted in (
            ("threads", by_thread),
            ("at work", own),
            ("at work, or what they called", whole),
        ):
            said += ["", title]
            most = sorted(counted.items(), key=lambda each: -each[1])[:SHOWN]
            said += [f"{1000 * took / seconds:8.2f}  {name}" for name, took in most]
        file.write_text("\n".join(said) + "\n")


def cpu_s(thread: threading.Thread | None) -> float:
    """Processor time that a thread has taken so far. OSError if it has ended."""
    if thread is None:
        return 0.0
    ran_ns, *_ = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text().split()
    return int(ran_ns) / 1e9


def calls(frame: FrameType | None) -> Iterator[str]:
    """The functions of a stack, from the innermost."""
    for _ in range(DEPTH):
        if frame is None:
            return
        code = frame.f_code
        place = Path(code.co_filename)
        yield f"{place.parent.name}/{place.name}:{code.co_qualname}"
        frame = frame.f_back
