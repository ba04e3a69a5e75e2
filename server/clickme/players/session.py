"""The session: a signed cookie that says which player a browser is."""

from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.security import APIKeyCookie
from itsdangerous import BadSignature, TimestampSigner
from starlette.requests import HTTPConnection

from clickme.kit.house import House
from clickme.kit.problems import Problem
from clickme.kit.web import house_of

COOKIE = "clickme_session"
A_YEAR = 365 * 24 * 3600
# Only for the OpenAPI document: the cookie is read below, as sockets have it too.
scheme = APIKeyCookie(name=COOKIE, auto_error=False, description="A player's; `POST /api/players` sets it.")


def signer(house: House) -> TimestampSigner:
    return TimestampSigner(house.secret, salt="player")


def remember(response: Response, request: Request, house: House, player_id: int) -> None:
    """Make the browser this player's. No script reads the cookie, no other site's form sends it."""
    response.set_cookie(
        COOKIE,
        signer(house).sign(str(player_id)).decode(),
        max_age=A_YEAR,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


def player_of(connection: HTTPConnection, house: House) -> int | None:
    """The player whose browser this is; None for a stranger or a forged cookie."""
    try:
        return int(signer(house).unsign(connection.cookies.get(COOKIE, ""), max_age=A_YEAR))
    except (BadSignature, ValueError):
        return None


async def current_player(
    request: Request, house: Annotated[House, Depends(house_of)], _: Annotated[str | None, Depends(scheme)]
) -> int:
    player_id = player_of(request, house)
    if player_id is None:
        raise nobody()
    return player_id


def nobody() -> Problem:
    return Problem(
        "consent_needed", "Nobody plays in this browser yet: agree to take part first.", status=401
    )


CurrentPlayer = Annotated[int, Depends(current_player)]
