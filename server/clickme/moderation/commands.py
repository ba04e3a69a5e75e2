"""`clickme moderation`: what data sets leave out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clickme.kit.options import HomeOption

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

app = typer.Typer(help="Photographs and players that are left out.", no_args_is_help=True)

Photograph = Annotated[str, typer.Argument(metavar="PHOTOGRAPH", help="<wnid>/<file>, an export's image_id.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The player's name in the game.")]


@app.command()
def exclude(
    photograph: Photograph,
    reason: Annotated[str, typer.Option(help="Why; kept with the photograph.")],
    home: HomeOption = None,
) -> None:
    """No longer deal a photograph, nor export it."""
    from clickme.kit.house import open_house
    from clickme.moderation import service

    with open_house(home) as house, house.database.transaction() as session:
        service.exclude(session, photograph, reason)


@app.command()
def include(photograph: Photograph, home: HomeOption = None) -> None:
    """Take an exclusion back."""
    from clickme.kit.house import open_house
    from clickme.moderation import service

    with open_house(home) as house, house.database.transaction() as session:
        service.include(session, photograph)


@app.command()
def ban(name: Name, home: HomeOption = None) -> None:
    """Leave a player out of data sets and off leaderboards. They can play on, and are not told."""
    from clickme.moderation import service

    _change(home, name, service.ban)


@app.command()
def unban(name: Name, home: HomeOption = None) -> None:
    """Take a ban back."""
    from clickme.moderation import service

    _change(home, name, service.unban)


def _change(home: Path | None, name: str, change: Callable[[Session, str], None]) -> None:
    """Change a player, then the leaderboards. Problem `no_such_player`, `redis_away`."""
    from clickme.contests.leaderboard import Leaderboards
    from clickme.kit.house import open_house

    with open_house(home) as house:
        with house.database.transaction() as session:
            change(session, name)
        Leaderboards(house.database, house.redis_url, house.settings.time_zone).drop()
