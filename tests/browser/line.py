"""The line between a page and its server, which a test can cut and mend."""

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from urllib.parse import urlsplit


class Line(ThreadingTCPServer):
    """Passes bytes on to the server at `url` and back, as long as it is not cut."""

    def __init__(self, url: str) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.far = (urlsplit(url).hostname, urlsplit(url).port)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.is_deaf = False  # what the page says gets lost on the way
        self.is_cut = False
        self.near: list[socket.socket] = []

    def cut(self) -> None:
        """Whatever is open breaks off, and nothing new gets through until the line is mended."""
        self.is_cut = True
        for end in self.near:
            with suppress(OSError):  # it is closed already
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self.is_deaf = self.is_cut = False


class Connection(BaseRequestHandler):
    server: Line

    def handle(self) -> None:
        self.server.near.append(self.request)
        if self.server.is_cut:
            return
        with suppress(OSError), socket.create_connection(self.server.far) as far:
            other = {self.request: far, far: self.request}
            while True:
                for end in select.select(other, [], [])[0]:
                    if not (got := end.recv(65536)):
                        return
                    if not (self.server.is_deaf and end is self.request):
                        other[end].sendall(got)


@contextmanager
def line_to(url: str) -> Iterator[Line]:
    with Line(url) as line:
        serving = Thread(target=line.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield line
        finally:
            line.cut()
            line.shutdown()
            serving.join()
