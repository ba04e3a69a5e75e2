"""`clickme maintenance`, and of `clickme db` what looks at the database or runs a program on it."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from clickme.kit.options import HomeOption, JsonOption

if TYPE_CHECKING:
    from clickme.kit.maintenance import Maintenance

maintenance = typer.Typer(
    no_args_is_help=True, help="Let nothing new begin for a while, on all servers at once, without a restart."
)


@maintenance.command()
def on(
    message: Annotated[
        str | None, typer.Option(help="What players are told. \\[default: a few kind words]")
    ] = None,
    home: HomeOption = None,
) -> None:
    """No round begins from now on; those that run end as always. Again: what players are told is changed."""
    from clickme.kit.house import open_house
    from clickme.kit.maintenance import WORDS, begin, current

    with open_house(home) as house, house.database.transaction() as session:
        begin(session, message or WORDS)
        typer.echo(in_words(current(session)))


@maintenance.command()
def off(home: HomeOption = None) -> None:
    """Let rounds begin again. Pages come back by themselves."""
    from clickme.kit.house import open_house
    from clickme.kit.maintenance import end

    with open_house(home) as house, house.database.transaction() as session:
        end(session)
        typer.echo(in_words(None))


@maintenance.command()
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Say whether maintenance goes on, since when, and what players are told."""
    from clickme.kit.house import open_house
    from clickme.kit.maintenance import current

    with open_house(home) as house, house.database.transaction() as session:
        found = current(session)
    if as_json:
        facts = {"message": found.message, "since": found.since.isoformat()} if found else {}
        typer.echo(json.dumps({"maintenance": found is not None} | facts))
    else:
        typer.echo(in_words(found))


def in_words(found: Maintenance | None) -> str:
    if found is None:
        return "Rounds begin as always."
    return f"Maintenance since {found.since:%Y-%m-%d %H:%M:%S} UTC. Players are told: {found.message}"


def db_status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Say how large the database is, and whether it is well. Status 1 if something wants looking after."""
    from clickme.kit.house import open_house
    from clickme.operations.figures import figures
    from clickme.operations.report import lines
    from clickme.operations.verdicts import verdicts

    with open_house(home) as house:
        found = figures(house.database)
    judged = verdicts(found)
    if as_json:
        checks = [asdict(verdict) for verdict in judged]
        typer.echo(json.dumps(asdict(found) | {"checks": checks}, indent=2, default=str))
    else:
        typer.echo("\n".join(lines(found, judged)))
    if not all(verdict.well for verdict in judged):
        raise typer.Exit(1)


def db_run(
    command: Annotated[list[str], typer.Argument(metavar="COMMAND...", help="And what it is to be told.")],
    home: HomeOption = None,
) -> None:
    """Run psql, pg_dump, pg_restore or another program on the database, which runs for as long as that does.

    PGHOST, PGDATABASE and so on tell it where the database is. Where Postgres is not installed, and for an
    embedded database always, it is the program that comes with clickme. Its exit status is the command's.
    """
    import subprocess

    from clickme.kit.problems import Problem
    from clickme.operations.programs import surroundings

    with surroundings(home) as environment:
        try:
            running = subprocess.Popen(command, env=environment)
        except OSError as error:
            raise Problem("no_program", f"{command[0]} cannot be run: {error.strerror}.") from None
        with running:
            while running.returncode is None:
                with suppress(KeyboardInterrupt):  # it has heard it too, and knows best what it means
                    running.wait()
    raise typer.Exit(running.returncode)
