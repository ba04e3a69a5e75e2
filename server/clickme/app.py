"""The web application: the rooms of the house, joined."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from sqlalchemy.exc import SQLAlchemyError
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from clickme.catalogue import routes as catalogue
from clickme.contests import routes as contests
from clickme.contests.leaderboard import Leaderboards
from clickme.game import routes as game
from clickme.game import socket
from clickme.game.play import Game
from clickme.health import Health
from clickme.health import router as health
from clickme.kit.clock import Clock, SystemClock
from clickme.kit.house import House
from clickme.kit.leases import SocketLeases
from clickme.kit.limits import RateLimits
from clickme.kit.maintenance import Resting
from clickme.kit.metrics import ERRORS
from clickme.kit.observed import Observed
from clickme.kit.problems import Problem
from clickme.kit.shipped import shipped
from clickme.kit.web import errors, names_own_page
from clickme.players import routes as players
from clickme.players.consent import CONSENT
from clickme_partner.engine import Engine

log = structlog.get_logger()

THREADS = 24  # that wait for the database; its pool has 20 connections

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def create_app(house: House, partner: Engine, clock: Clock | None = None) -> FastAPI:
    """The application of an open house, in which `partner` looks."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, "database"))
        app.state.game = Game(house, partner, app.state.leaderboards, clock or SystemClock())
        app.state.game.open()
        yield
        await app.state.game.close()

    # The generated pages of FastAPI load scripts from elsewhere; the document itself is at /openapi.json.
    app = FastAPI(
        title="ClickMe", lifespan=lifespan, docs_url=None, redoc_url=None, responses=errors(413, 503)
    )
    web = shipped("web")
    app.state.house = house
    app.state.partner = partner
    app.state.draining = False  # told to stop
    app.state.health = Health(house, partner)
    app.state.rate_limits = RateLimits(house.redis_url)
    app.state.socket_leases = SocketLeases(app.state.rate_limits.counts, house.settings.limits)
    app.state.leaderboards = Leaderboards(house.database, house.redis_url, house.settings.time_zone, clock)
    app.state.templates = Jinja2Templates(web / "templates")
    app.add_middleware(Resting, house=house)
    app.add_middleware(Guard, most_bytes=house.settings.limits.body_bytes)
    if trusted := [str(network) for network in house.settings.trusted_proxies]:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=trusted)
    app.add_middleware(Observed, trusted=house.settings.trusted_proxies)
    for router in (players.router, game.router, contests.router, socket.router, catalogue.router, health):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=web / "static"), name="static")
    app.add_api_route("/", play_page, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(SQLAlchemyError, on_database_away)
    return app


def play_page(request: Request) -> HTMLResponse:
    """The game. Who has not agreed yet is asked to by the page itself."""
    templates: Jinja2Templates = request.app.state.templates
    return templates.TemplateResponse(request, "play.html", {"consent": CONSENT})


def error(code: str, message: str, status: int, headers: dict[str, str] | None = None) -> JSONResponse:
    ERRORS.labels(code).inc()
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)


async def on_problem(_: Request, problem: Any) -> Response:
    return error(problem.code, problem.message, problem.status)


async def on_invalid(_: Request, invalid: Any) -> Response:
    first = invalid.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return error("invalid", f"{place}: {first['msg']}", 422)


async def on_database_away(_: Request, failed: Any) -> Response:
    log.error("database_away", error=str(failed))
    away = "The database does not answer just now. Try again in a moment."
    return error("database_away", away, 503, {"Retry-After": "2"})


async def on_http(request: Request, failed: Any) -> Response:
    """A page for a person who followed a wrong link, the usual form of an error for a program."""
    if failed.status_code == 404 and "text/html" in request.headers.get("accept", ""):
        templates: Jinja2Templates = request.app.state.templates
        return templates.TemplateResponse(request, "not_found.html", status_code=404)
    code = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}.get(
        failed.status_code, "http_error"
    )
    return error(code, str(failed.detail), failed.status_code, failed.headers)


class Guard:
    """Headers on every answer, and no change on behalf of another site's page."""

    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        self.app = app
        self.most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        answering = False

        async def send_guarded(message: Message) -> None:
            nonlocal answering
            if message["type"] == "http.response.start":
                answering = True
                headers = MutableHeaders(scope=message)
                # A page and its parts are asked for again after an upgrade, so that old and new never mix.
                personal = scope["path"].startswith("/api/")
                headers.setdefault("Cache-Control", "no-store" if personal else "no-cache")
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        taken = 0

        async def receive_bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self.most_bytes:
                raise HTTPException(413, f"A request has at most {self.most_bytes} bytes.")
            return message

        try:
            answer = self.refusal(Request(scope)) or self.app
            await answer(scope, receive_bounded, send_guarded)
        except Exception:
            if answering:
                raise
            log.exception("request_failed", path=scope["path"])
            sorry = error("internal", "Something went wrong here, and has been written down.", 500)
            await sorry(scope, receive, send_guarded)

    def refusal(self, request: Request) -> Response | None:
        """What is refused unread.

        Nothing is changed for another site's page. Programs name no page, and have no cookie to be misused.
        """
        reads = request.method in ("GET", "HEAD", "OPTIONS")
        if not reads and "origin" in request.headers and not names_own_page(request):
            return error("foreign_origin", "This may only be asked from the game's own pages.", 403)
        size = request.headers.get("content-length", "0")
        if not size.isdecimal() or int(size) > self.most_bytes:
            return error("too_large", f"A request has at most {self.most_bytes} bytes.", 413)
        return None
