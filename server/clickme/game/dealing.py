"""Which photograph comes next (promise 6).

Photographs with the fewest maps come first, nobody gets one twice, and nobody can foresee the order: each
deal starts at a place of its own, drawn from the system's randomness, among the lots of the photographs
that have the fewest maps. The walk along the index passes over what this player has had, so its cost is
bounded by the player's own history and not by the number of photographs.
"""

import secrets
from collections.abc import Iterator

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from clickme.catalogue.models import Image
from clickme.game.models import Round


def pick(session: Session, player_id: int) -> int | None:
    """An image for this player; None when they have had them all."""
    new = ~exists().where(Round.player_id == player_id, Round.image_id == Image.id)
    dealt = Image.excluded_at.is_(None)
    start = secrets.randbits(63)
    for level in levels(session):
        for turn in (Image.lot >= start, Image.lot < start):
            found = session.scalar(
                select(Image.id).where(Image.maps == level, turn, new, dealt).order_by(Image.lot).limit(1)
            )
            if found is not None:
                return found
    return None


def levels(session: Session) -> Iterator[int]:
    """The numbers of maps that photographs have, from the fewest up, each found by one step in the index."""
    above: ColumnElement[bool] = Image.maps >= 0
    dealt = Image.excluded_at.is_(None)
    while (level := session.scalar(select(func.min(Image.maps)).where(above, dealt))) is not None:
        yield level
        above = Image.maps > level
