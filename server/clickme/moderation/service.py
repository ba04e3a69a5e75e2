"""What can be done about photographs and players. Nothing here commits."""

from sqlalchemy import func, update
from sqlalchemy.orm import Session

from clickme.catalogue.models import Image
from clickme.kit.problems import Problem
from clickme.players.models import Player


def exclude(session: Session, image_id: str, reason: str) -> None:
    """No longer deal a photograph, nor export it. `image_id` is its path in the challenge's layout.

    Problem `no_such_photograph`.
    """
    _change_photograph(session, image_id, excluded_at=func.now(), exclusion=reason)


def include(session: Session, image_id: str) -> None:
    """Take an exclusion back. Problem `no_such_photograph`."""
    _change_photograph(session, image_id, excluded_at=None, exclusion=None)


def ban(session: Session, name: str) -> None:
    """Leave a player's rounds out of data sets, those to come too. Problem `no_such_player`."""
    _change_player(session, name, func.now())


def unban(session: Session, name: str) -> None:
    """Take a ban back. Problem `no_such_player`."""
    _change_player(session, name, None)


def _change_photograph(session: Session, image_id: str, **values: object) -> None:
    statement = update(Image).where(Image.source_path == image_id).values(**values).returning(Image.id)
    if session.execute(statement).first() is None:
        raise Problem(
            "no_such_photograph",
            f"There is no photograph {image_id}. They are named as in an export's image_id, <wnid>/<file>.",
        )


def _change_player(session: Session, name: str, banned_at: object) -> None:
    statement = update(Player).where(Player.name == name).values(banned_at=banned_at).returning(Player.id)
    if session.execute(statement).first() is None:
        raise Problem("no_such_player", f"There is no player called {name}.")
