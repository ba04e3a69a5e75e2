"""`clickme moderation`: what data sets leave out."""

from typing import Annotated

import typer

from clickme.kit.options import HomeOption

app = typer.Typer(help="Photographs and players that data sets leave out.", no_args_is_help=True)

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
    """Leave a player's rounds out of data sets. They can play on, and are not told."""
    from clickme.kit.house import open_house
    from clickme.moderation import service

    with open_house(home) as house, house.database.transaction() as session:
        service.ban(session, name)


@app.command()
def unban(name: Name, home: HomeOption = None) -> None:
    """Take a ban back."""
    from clickme.kit.house import open_house
    from clickme.moderation import service

    with open_house(home) as house, house.database.transaction() as session:
        service.unban(session, name)
