"""Whether this server lives, and whether it can do its work: for those who look after it."""

import asyncio

import redis
import structlog
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from clickme.kit.house import House
from clickme_partner.engine import Engine

log = structlog.get_logger()
router = APIRouter(tags=["health"])


@router.get("/livez")
def livez() -> dict[str, bool]:
    """That it answers at all."""
    return {"alive": True}


@router.get("/readyz", responses={503: {"description": "The database or the Redis does not answer."}})
async def readyz(request: Request) -> JSONResponse:
    """What it stands on. A partner that is away is said, and does not count: the game goes on without."""
    house: House = request.app.state.house
    stands = {
        "database": await asyncio.to_thread(database_answers, house),
        "redis": await asyncio.to_thread(redis_answers, house),
    }
    ready = all(stands.values())
    said = {name: "ok" if answers else "away" for name, answers in stands.items()}
    return JSONResponse(
        {"ready": ready, **said, "partner": partner_stands(request.app.state.partner)},
        200 if ready else 503,
    )


def partner_stands(partner: Engine) -> dict[str, str | None]:
    away = partner.away
    return {
        "state": "ok" if away is None else "away",
        "reason": away.code if away else None,
    }


def database_answers(house: House) -> bool:
    try:
        with house.database.transaction() as session:
            session.execute(text("SELECT 1"))
        return True
    except SQLAlchemyError as error:
        log.warning("database_away", error=str(error))
        return False


def redis_answers(house: House) -> bool:
    try:
        once = Retry(NoBackoff(), 0)
        with redis.Redis.from_url(
            house.redis_url, socket_timeout=2, socket_connect_timeout=2, retry=once
        ) as client:
            client.ping()
        return True
    except redis.RedisError as error:
        log.warning("redis_away", error=str(error))
        return False
