"""The web application: the rooms of the house, joined."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from prometheus_client import make_asgi_app
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clickme.catalogue import routes as catalogue
from clickme.game import routes as game
from clickme.game import socket
from clickme.game.live import Partner
from clickme.game.play import Game
from clickme.kit.clock import Clock, SystemClock
from clickme.kit.house import House
from clickme.kit.limits import RateLimits
from clickme.kit.metrics import ERRORS
from clickme.kit.problems import Problem
from clickme.kit.shipped import shipped
from clickme.players import routes as players
from clickme.players.consent import CONSENT

HEADERS = {
    "Cache-Control": "no-cache",  # asked for again after an upgrade, so that old and new parts never mix
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


def create_app(house: House, partner: Partner, clock: Clock | None = None) -> FastAPI:
    """The application of an open house, in which `partner` looks."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.game = Game(house, partner, clock or SystemClock())
        app.state.game.open()
        yield
        await app.state.game.close()

    # The generated pages of FastAPI load scripts from elsewhere; the document itself is at /openapi.json.
    app = FastAPI(title="ClickMe", lifespan=lifespan, docs_url=None, redoc_url=None)
    web = shipped("web")
    app.state.house = house
    app.state.rate_limits = RateLimits(house.redis_url)
    app.state.templates = Jinja2Templates(web / "templates")
    app.add_middleware(Guard)
    for router in (players.router, game.router, socket.router, catalogue.router):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=web / "static"), name="static")
    app.mount("/metrics", make_asgi_app())
    app.add_api_route("/", play_page, include_in_schema=False)
    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_invalid)
    app.add_exception_handler(HTTPException, on_http)
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


async def on_http(request: Request, failed: Any) -> Response:
    """A page for a person who followed a wrong link, the usual form of an error for a program."""
    if failed.status_code == 404 and "text/html" in request.headers.get("accept", ""):
        templates: Jinja2Templates = request.app.state.templates
        return templates.TemplateResponse(request, "not_found.html", status_code=404)
    code = {404: "not_found", 405: "method_not_allowed"}.get(failed.status_code, "http_error")
    return error(code, str(failed.detail), failed.status_code, failed.headers)


class Guard:
    """Headers on every answer, and no change on behalf of another site's page."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if scope["method"] in ("GET", "HEAD", "OPTIONS") or from_own_page(Request(scope)):
            await self.app(scope, receive, send_guarded)
        else:
            refusal = error("foreign_origin", "This may only be asked from the game's own pages.", 403)
            await refusal(scope, receive, send_guarded)


def from_own_page(request: Request) -> bool:
    """Browsers name the page a request comes from; programs name none, and have no cookie to be misused."""
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")
