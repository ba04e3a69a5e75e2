"""HTTP: a player's own rounds, and the photographs in them."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from sqlalchemy import func, select

from clickme.catalogue.store import photograph_path
from clickme.game import service
from clickme.game.models import BubbleBatch
from clickme.game.play import Game
from clickme.game.schemas import RoundResponse
from clickme.kit.house import House
from clickme.kit.problems import Problem
from clickme.kit.web import Transaction, errors, house_of
from clickme.players.session import CurrentPlayer

router = APIRouter(prefix="/api/rounds", tags=["rounds"], responses=errors(401, 404, 422))


RoundId = Annotated[int, Path(alias="id", ge=1, le=2**63 - 1)]


@router.get("/{id}")
def round_response(round_id: RoundId, player_id: CurrentPlayer, session: Transaction) -> RoundResponse:
    """One of the player's own rounds."""
    dealt = service.find(session, round_id, player_id)
    if dealt is None:
        raise no_such_round()
    kept = session.scalar(
        select(func.coalesce(func.sum(func.length(BubbleBatch.xyt)) / 6, 0)).where(
            BubbleBatch.round_id == dealt.id
        )
    )
    return RoundResponse(
        round=dealt.id,
        category=dealt.category,
        begun_at=dealt.begun_at,
        ended_at=dealt.ended_at,
        outcome=dealt.outcome,
        recognised_ms=dealt.recognised_ms,
        points=dealt.points,
        bubbles=int(kept or 0),
    )


@router.get("/{id}/photograph", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
async def photograph(
    request: Request, round_id: RoundId, player_id: CurrentPlayer, house: Annotated[House, Depends(house_of)]
) -> Response:
    """The round's photograph. Only its player gets it, and its address says nothing of what it shows."""
    game: Game = request.app.state.game
    sha256 = game.photograph(player_id, round_id)
    content = await asyncio.to_thread(read_photograph, house, sha256, round_id, player_id)
    return Response(
        content, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=86400, immutable"}
    )


def read_photograph(house: House, sha256: str | None, round_id: int, player_id: int) -> bytes:
    """A JPEG file, of this hash if that is known. In one thread from end to end: every round asks for one."""
    if sha256 is None:
        with house.database.transaction() as session:
            sha256 = service.photograph(session, round_id, player_id)
    if sha256 is None:
        raise no_such_round()
    try:
        return photograph_path(house.home.photographs, sha256).read_bytes()
    except FileNotFoundError:
        raise Problem("photograph_missing", "The photograph is not there. Skip it.", status=404) from None


def no_such_round() -> Problem:
    return Problem("no_such_round", "You have no such round.", status=404)
