"""The command line. Each domain's commands live in its own `commands.py`; here they are joined.

Nothing heavy is imported before a command runs: `clickme --help` answers at once.
"""

import sys
from typing import Annotated

import typer

from clickme.catalogue.commands import app as images
from clickme.contests.commands import contest, leaderboard
from clickme.export.commands import export, reliability
from clickme.kit.options import HomeOption
from clickme.moderation.commands import app as moderation
from clickme.operations.commands import db_run, db_status, maintenance
from clickme.partners.commands import app as partner
from clickme.simulate.commands import simulate
from clickme.studies.commands import app as study
from clickme_gala.commands import app as gala

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="People paint what makes a photograph recognisable; the strokes become maps for networks.",
)
database = typer.Typer(no_args_is_help=True, help="The database.")
app.add_typer(images, name="images")
app.add_typer(partner, name="partner")
app.add_typer(contest, name="contest")
app.add_typer(leaderboard, name="leaderboard")
app.add_typer(moderation, name="moderation")
app.add_typer(gala, name="gala")
app.add_typer(study, name="study")
app.add_typer(database, name="db")
app.add_typer(maintenance, name="maintenance")
database.command("status")(db_status)
database.command("run", context_settings={"allow_interspersed_args": False})(db_run)
app.command()(simulate)
app.command()(export)
app.command()(reliability)


@app.command()
def play(
    home: HomeOption = None,
    host: Annotated[str | None, typer.Option(help="The address to listen at. \\[default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="\\[default: 8765]")] = None,
    workers: Annotated[int, typer.Option(min=1, help="How many processes serve, with one partner.")] = 1,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
) -> None:
    """Serve the game, with the bundled photographs and a partner if the home has none yet."""
    from clickme.serve import serve

    serve(home, host=host, port=port, workers=workers, browser=not no_browser)


@database.command("url")
def db_url(home: HomeOption = None) -> None:
    """Print the address of the database, for psql and scripts.

    An embedded database runs while some command uses it; while none does, this starts and stops it.
    """
    from clickme.kit.house import open_house

    with open_house(home) as house:
        typer.echo(house.database.url)


@database.command("migrate")
def db_migrate(home: HomeOption = None) -> None:
    """Bring the database's tables to what this version expects."""
    from clickme.kit.house import open_house

    with open_house(home, migrate=True) as house:
        typer.echo(f"The database is at version {house.database.revision()}.")


def main() -> None:
    """Run a command. What a person can mend is one sentence on stderr and status 1."""
    from clickme.kit.problems import Problem
    from clickme_partner.errors import PartnerError

    try:
        app()
    except (Problem, PartnerError) as problem:
        typer.echo(f"clickme: {problem.message}", err=True)
        sys.exit(1)
