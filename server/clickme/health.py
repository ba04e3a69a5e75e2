"""Whether this server lives and can do its work, and what it has counted: for those who look after it."""

import asyncio
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Annotated, Final, Generic, Literal, TypeVar

import psycopg2
import redis
import structlog
from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import make_url

from clickme.kit.house import House
from clickme.kit.metrics import exposition
from clickme_partner.engine import Engine

log = structlog.get_logger()
router = APIRouter(tags=["health"])

PATIENCE: Final = 2  # s, for each thing that is looked at

Seen = TypeVar("Seen")


class Part(BaseModel):
    """How one of the things stands that a server stands on. `reason` is a code, where there is one."""

    state: Literal["ok", "away", "low", "on", "off", "unknown", "draining"]
    reason: str | None = None


class Readiness(BaseModel):
    """Whether this server can do its work, and what it stands on."""

    ready: bool
    server: Part  # draining: told to stop, it lets its rounds end
    database: Part
    redis: Part
    partner: Part
    disk: Part
    maintenance: Part  # on: nothing new begins; its reason is what players are told


OK: Final = Part(state="ok")
SLOW: Final = Part(state="away", reason="slow")
UNREACHABLE: Final = Part(state="away", reason="unreachable")


@router.get("/livez")
def livez() -> dict[str, bool]:
    """That it answers at all."""
    return {"alive": True}


@router.get("/readyz", response_model=Readiness, responses={503: {"model": Readiness}})
async def readyz(request: Request) -> JSONResponse:
    """Whether it can do its work: 503 where it cannot, so that a proxy sends players to another server.

    The game goes on without its partner and without Redis, and maintenance is no fault: these are said only.
    """
    health: Health = request.app.state.health
    readiness = await health.readiness(draining=request.app.state.draining)
    return JSONResponse(readiness.model_dump(), 200 if readiness.ready else 503)


@router.get("/metrics", include_in_schema=False)
def metrics(accept: Annotated[str, Header()] = "") -> Response:
    """What it has counted, for Prometheus."""
    content, content_type = exposition(accept)
    return Response(content, headers={"Content-Type": content_type})


class Health:
    """What a server stands on. However many ask, each thing is looked at once at a time."""

    def __init__(self, house: House, partner: Engine) -> None:
        self.partner = partner
        threads = ThreadPoolExecutor(3, "health")  # its own: those of the game may all wait for the database
        self.database = Look(partial(database_and_maintenance, house), threads)
        self.redis = Look(partial(redis_part, house.redis_url), threads)
        self.disk = Look(partial(disk_part, house), threads)
        self.said: Readiness | None = None

    async def readiness(self, *, draining: bool) -> Readiness:
        """How all of it stands, in about two seconds at most."""
        unknown = Part(state="unknown")
        (database, maintenance), redis_, disk = await asyncio.gather(
            self.database.part((SLOW, unknown)), self.redis.part(SLOW), self.disk.part(SLOW)
        )
        readiness = Readiness(
            ready=database.state == "ok" and disk.state == "ok" and not draining,
            server=Part(state="draining") if draining else OK,
            database=database,
            redis=redis_,
            partner=partner_part(self.partner),
            disk=disk,
            maintenance=maintenance,
        )
        self._tell(readiness)
        return readiness

    def _tell(self, readiness: Readiness) -> None:
        """A change is news for the log, an answer is not."""
        is_news = readiness != self.said if self.said else not readiness.ready
        self.said = readiness
        if is_news:
            parts = {name: part.state for name, part in readiness if isinstance(part, Part)}
            log.warning("readiness_changed", ready=readiness.ready, **parts)


class Look(Generic[Seen]):
    """One look at a time, in a thread; who asks meanwhile hears what comes of that one."""

    def __init__(self, look: Callable[[], Seen], threads: ThreadPoolExecutor) -> None:
        self.look = look
        self.threads = threads
        self.looking: asyncio.Future[Seen] | None = None

    async def part(self, late: Seen) -> Seen:
        """What there is to see; `late` if that takes longer than two seconds."""
        if self.looking is None or self.looking.done():
            self.looking = asyncio.get_running_loop().run_in_executor(self.threads, self.look)
        looking = self.looking
        await asyncio.wait({looking}, timeout=PATIENCE)
        return looking.result() if looking.done() else late


# A standby is read-only too.
QUESTION: Final = """
SELECT current_setting('transaction_read_only') = 'on', (SELECT message FROM maintenance)
"""


def database_and_maintenance(house: House) -> tuple[Part, Part]:
    """Over a connection of its own: that the game's are all in use says nothing about the database."""
    address = make_url(house.database.url).set(drivername="postgresql")
    try:
        connection = psycopg2.connect(
            address.render_as_string(hide_password=False), connect_timeout=PATIENCE, tcp_user_timeout=2000
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute(QUESTION)
                ((read_only, words),) = cursor.fetchall()
        finally:
            connection.close()
    except psycopg2.OperationalError:
        return UNREACHABLE, Part(state="unknown")
    except psycopg2.Error:
        return Part(state="away", reason="failed"), Part(state="unknown")
    database = Part(state="away", reason="read_only") if read_only else OK
    return database, Part(state="off" if words is None else "on", reason=words)


def redis_part(url: str) -> Part:
    once = Retry(NoBackoff(), 0)
    try:
        with redis.Redis.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=once
        ) as client:
            client.ping()
    except redis.TimeoutError:
        return SLOW
    except redis.RedisError:
        return UNREACHABLE
    return OK


def disk_part(house: House) -> Part:
    """Room in the home: an embedded Postgres that runs out of it can keep nothing more."""
    try:
        free = shutil.disk_usage(house.home.root).free
    except OSError:
        return UNREACHABLE
    return OK if free >= house.settings.disk_floor_bytes else Part(state="low", reason="floor")


def partner_part(partner: Engine) -> Part:
    away = partner.away
    return OK if away is None else Part(state="away", reason=away.code)
