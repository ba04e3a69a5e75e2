"""Servers of one home, each a process of its own that can be killed, told to stop, and started again."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

from clickme.settings import Settings
from conftest import environment

PROGRAM = Path(__file__).with_name("impatient.py")

# Players made of code all come from one address, and are back sooner than people.
NO_LIMITS = {
    "CLICKME_LIMIT_SIGN_UPS": "100000/minute",
    "CLICKME_LIMIT_FLAGS": "100000/minute",
    "CLICKME_LIMIT_BEGINS": "100000/minute",
    "CLICKME_LIMIT_SOCKETS_PER_ADDRESS": "100000",
    "CLICKME_LIMIT_SOCKETS_PER_PLAYER": "100000",
}


class Server:
    """`clickme play`, on the same port at each start."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.process: subprocess.Popen[str] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.log = settings.home / f"server-{self.port}.log"

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Return when it answers."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(PROGRAM), "play", "--no-browser", "--port", str(self.port)],
                env=environment(self.settings) | NO_LIMITS,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said.startswith("ClickMe is at "), self.log.read_text()[-4000:]

    def kill(self) -> None:
        """It has no time for anything."""
        self._end(signal.SIGKILL)

    def drain(self) -> int:
        """Tell it to stop; its exit status."""
        return self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        self.process.communicate()
        return self.process.returncode

    def close(self) -> None:
        if self.runs:
            self.kill()
        elif self.process is not None and self.process.stdout is not None:
            self.process.stdout.close()  # it has died by itself
