"""HTTP: consent, signing up, oneself."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response, status

from clickme.kit.house import House
from clickme.kit.limits import SignUpLimit
from clickme.kit.problems import Problem
from clickme.kit.web import Transaction, errors, house_of
from clickme.players import service
from clickme.players.consent import CONSENT
from clickme.players.models import Player
from clickme.players.schemas import ConsentResponse, MeResponse, PlayerResponse, SignUp
from clickme.players.service import Standing
from clickme.players.session import CurrentPlayer, nobody, remember

router = APIRouter(prefix="/api", tags=["players"])


@router.get("/consent")
def consent() -> ConsentResponse:
    """What a player agrees to, and its version."""
    return ConsentResponse(version=CONSENT.version, title=CONSENT.title, text=CONSENT.text)


@router.post(
    "/players",
    status_code=status.HTTP_201_CREATED,
    dependencies=[SignUpLimit],
    responses=errors(400, 403, 422, 429),
)
def sign_up(
    asked: SignUp,
    request: Request,
    response: Response,
    session: Transaction,
    house: Annotated[House, Depends(house_of)],
) -> PlayerResponse:
    """Agree, and become a player."""
    if asked.consent != CONSENT.version:
        raise Problem(
            "consent_version",
            f"The consent in force is version {CONSENT.version}: read it at /api/consent and agree to that.",
            status=422,
        )
    player = service.sign_up(session, asked.consent)
    remember(response, request, house, player.id)
    return PlayerResponse(player=player.id, name=player.name)


@router.get("/me", responses=errors(401))
def me(player_id: CurrentPlayer, request: Request, session: Transaction) -> MeResponse:
    """The player in this browser."""
    player = session.get(Player, player_id)
    if player is None:
        raise nobody()
    place: Standing = request.app.state.leaderboards.standing(player_id)
    return MeResponse(player=player.id, name=player.name, total=place.total, rank=place.rank)
