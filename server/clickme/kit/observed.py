"""What is known of every request: an id, in its answer and in each line logged for it; and a count."""

import re
import time
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from clickme.kit.metrics import HTTP_REQUESTS, HTTP_SECONDS

HEADER: Final = "X-Request-ID"
GIVEN: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


class Observed:
    """Wraps the whole application, sockets included: what is logged for one has the id of its handshake.

    The id is that of a proxy among `trusted`, so that its log and ours can be read side by side; else, or
    where that is none, one of our own. It has to be outermost: whoever reads X-Forwarded-For hides the proxy.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        self.app = app
        self.trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request_id = self.given(scope) or uuid4().hex
        status = 500
        began = time.perf_counter()

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.accept"):
                message.setdefault("headers", [])
                MutableHeaders(scope=message)[HEADER] = request_id
                status = message.get("status", status)
            await send(message)

        with bound_contextvars(request=request_id):
            try:
                await self.app(scope, receive, send_named)
            finally:
                if scope["type"] == "http":
                    count(scope, status, time.perf_counter() - began)

    def given(self, scope: Scope) -> str | None:
        """The id that a trusted proxy gave the request."""
        given = Headers(scope=scope).get(HEADER, "")
        return given if GIVEN.fullmatch(given) and self.trusts(scope) else None

    def trusts(self, scope: Scope) -> bool:
        try:
            peer = ip_address(scope["client"][0])
        except (TypeError, ValueError):  # a Unix socket's end has no address
            return False
        return any(peer in network for network in self.trusted)


def count(scope: Scope, status: int, seconds: float) -> None:
    method = scope["method"] if scope["method"] in METHODS else "other"
    route = template(scope)
    HTTP_REQUESTS.labels(method, route, status).inc()
    HTTP_SECONDS.labels(method, route).observe(seconds)


def template(scope: Scope) -> str:
    """`/api/rounds/{id}` for `/api/rounds/7`; a mount's path for what lies in it; `none` for no address."""
    route = scope.get("route")
    return getattr(route, "path", None) or scope.get("root_path") or "none"
