"""What can be done with players. Nothing here commits."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from clickme.players.models import Player
from clickme.players.names import new_name


@dataclass(frozen=True)
class Standing:
    """The sum of a player's points, and their place: 1 for the first."""

    total: float
    rank: int


def sign_up(session: Session, consent_version: str) -> Player:
    """A new guest, under a name that nobody has."""
    while True:
        player: Player | None = session.scalar(
            insert(Player)
            .values(name=new_name(), consent_version=consent_version, points=0.0)
            .on_conflict_do_nothing(index_elements=[Player.name])
            .returning(Player)
        )
        if player is not None:
            return player


def exists(session: Session, player_id: int) -> bool:
    return session.get(Player, player_id) is not None


def total(session: Session, player_id: int) -> float:
    """The sum of a player's points."""
    return session.scalar(select(Player.points).where(Player.id == player_id)) or 0.0
