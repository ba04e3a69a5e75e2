"""What can be done about photographs and players. Nothing here commits."""

from sqlalchemy import func, or_, update
from sqlalchemy.orm import Session

from clickme.catalogue.models import Image
from clickme.catalogue.service import image_id
from clickme.kit.problems import Problem
from clickme.players.models import Player


def exclude(session: Session, name: str, reason: str) -> None:
    """No longer deal a photograph, nor export it. `name` is its image_id in exports, or its path.

    Problem `no_such_photograph`.
    """
    _change_photograph(session, name, excluded_at=func.now(), exclusion=reason)


def include(session: Session, name: str) -> None:
    """Take an exclusion back. Problem `no_such_photograph`."""
    _change_photograph(session, name, excluded_at=None, exclusion=None)


def ban(session: Session, name: str) -> None:
    """Leave a player's rounds out of data sets, those to come too, and the player off leaderboards.

    Those forget the player once they are dropped, after the commit. Problem `no_such_player`.
    """
    _change_player(session, name, func.now())


def unban(session: Session, name: str) -> None:
    """Take a ban back; the same holds. Problem `no_such_player`."""
    _change_player(session, name, None)


def _change_photograph(session: Session, name: str, **values: object) -> None:
    called = or_(Image.source_path == name, image_id() == name)
    statement = update(Image).where(called).values(**values).returning(Image.id)
    if session.execute(statement).first() is None:
        raise Problem(
            "no_such_photograph",
            f"There is no photograph {name}. They are named as in an export's image_id, <wnid>/<file>.",
        )


def _change_player(session: Session, name: str, banned_at: object) -> None:
    statement = update(Player).where(Player.name == name).values(banned_at=banned_at).returning(Player.id)
    if session.execute(statement).first() is None:
        raise Problem("no_such_player", f"There is no player called {name}.")
