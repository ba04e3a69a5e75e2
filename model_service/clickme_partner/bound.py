"""How long a look may take, before it is broken off."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import onnxruntime


class Bound:
    """Breaks off looks that take longer than `seconds`, whichever threads they run in.

    One timer does for all: a thread for each look took a twentieth of what two cores could look at.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._until: dict[onnxruntime.RunOptions, float] = {}  # of looks under way, the oldest first
        self._timer: threading.Timer | None = None
        self._changing = threading.Lock()

    @contextmanager
    def on(self) -> Iterator[onnxruntime.RunOptions]:
        """What to hand to onnxruntime's `run` within: its `terminate` is set when the time is over.

        onnxruntime asks between two nodes of the graph whether it should leave off.
        """
        options = onnxruntime.RunOptions()
        with self._changing:
            self._until[options] = time.monotonic() + self.seconds
            if self._timer is None:
                self._set_timer(self.seconds)
        try:
            yield options
        finally:
            with self._changing:
                del self._until[options]

    def _set_timer(self, seconds: float) -> None:
        self._timer = threading.Timer(seconds, self._break_off)
        self._timer.daemon = True
        self._timer.start()

    def _break_off(self) -> None:
        with self._changing:
            now, self._timer = time.monotonic(), None
            for options, until in self._until.items():
                if until > now:
                    self._set_timer(until - now)
                    break
                options.terminate = True
