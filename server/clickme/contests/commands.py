"""`clickme contest` and `clickme leaderboard`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clickme.kit.options import HomeOption, JsonOption

if TYPE_CHECKING:
    from clickme.contests.models import Contest

contest = typer.Typer(no_args_is_help=True, help="Contests: they open, count and end by themselves.")
leaderboard = typer.Typer(no_args_is_help=True, help="Leaderboards.")

LONGEST_RULES = 64 * 1024  # bytes


class What(StrEnum):
    """What a contest counts."""

    POINTS = "points"
    ROUNDS = "rounds"


Called = Annotated[str, typer.Argument(metavar="CONTEST", help="Its name or its number.")]


@contest.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    closes: Annotated[str, typer.Option(metavar="TIME", help='As in "2026-12-08 18:00".')],
    opens: Annotated[str | None, typer.Option(metavar="TIME", help="\\[default: now]")] = None,
    zone: Annotated[
        str | None,
        typer.Option(help="The time zone of both, as Europe/Paris. \\[default: CLICKME_TIME_ZONE, or UTC]"),
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Rules and prizes, in Markdown.", dir_okay=False)
    ] = None,
    counts: Annotated[
        What, typer.Option(help="The sum of points, or the number of photographs recognised.")
    ] = What.POINTS,
    home: HomeOption = None,
) -> None:
    """Announce a contest. One runs at a time; rounds that begin in its window belong to it."""
    from clickme.contests import service
    from clickme.contests.models import Counts
    from clickme.contests.windows import moment, zone_called
    from clickme.kit.clock import SystemClock
    from clickme.kit.house import open_house

    text = read_rules(rules) if rules else ""
    with open_house(home) as house:
        chosen = zone_called(zone or house.settings.time_zone)
        with house.database.transaction() as session:
            made = service.create(
                session,
                name=name,
                opens_at=moment(opens, chosen) if opens else None,
                closes_at=moment(closes, chosen),
                zone=chosen.key,
                rules=text,
                counts=Counts(counts),
                clock=SystemClock(),
            )
        typer.echo(f"{made.id}  {made.name}: {window(made)}")


@contest.command("list")
def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the contests, the latest first."""
    import json

    from clickme.contests import service
    from clickme.contests.schemas import ContestResponse
    from clickme.kit.clock import SystemClock, as_time
    from clickme.kit.house import open_house

    now = as_time(SystemClock().now())
    with open_house(home) as house, house.database.transaction() as session:
        found = service.contests(session)
    if as_json:
        report = [ContestResponse.of(one, now).model_dump(mode="json") for one in found]
        typer.echo(json.dumps(report, indent=2, ensure_ascii=False))
        return
    for one in found:
        typer.echo(f"{one.id}  {one.state(now):9}  {one.name}: {window(one)}; counts {one.counts}")


@contest.command("open")
def open_(called: Called, home: HomeOption = None) -> None:
    """Open a contest now, before its time."""
    from clickme.contests import service
    from clickme.kit.clock import SystemClock
    from clickme.kit.house import open_house

    with open_house(home) as house, house.database.transaction() as session:
        opened = service.open_now(session, called, SystemClock())
    typer.echo(f"{opened.id}  {opened.name}: {window(opened)}")


@contest.command()
def close(called: Called, home: HomeOption = None) -> None:
    """Close a contest now: its standings are final a minute later. One that has not opened is called off."""
    from clickme.contests import service
    from clickme.kit.clock import SystemClock
    from clickme.kit.house import open_house

    with open_house(home) as house, house.database.transaction() as session:
        closed = service.close_now(session, called, SystemClock())
    typer.echo(f"{closed.id}  {closed.name}: {window(closed)}" if closed else f"{called} is called off.")


@leaderboard.callback()
def leaderboards() -> None:
    """Leaderboards."""


@leaderboard.command()
def rebuild(home: HomeOption = None) -> None:
    """Build the leaderboards anew from the database. Servers do so by themselves where they see a reason."""
    from clickme.contests.leaderboard import Leaderboards
    from clickme.kit.house import open_house

    with open_house(home) as house:
        boards = Leaderboards(house.database, house.redis_url, house.settings.time_zone).rebuild()
    for key, players in boards.items():
        typer.echo(f"{key}  {players} players")


def read_rules(file: Path) -> str:
    """Problem `rules_not_read`."""
    from clickme.kit.problems import Problem

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Problem("rules_not_read", f"The rules {file} cannot be read: {why}.") from None
    if "\0" in text or len(text.encode()) > LONGEST_RULES:
        raise Problem(
            "rules_not_read", f"The rules {file} are not a text of {LONGEST_RULES // 1024} KiB at most."
        )
    return text


def window(contest: Contest) -> str:
    """For people, in the contest's own zone."""
    from clickme.contests.windows import in_words, zone_called

    zone = zone_called(contest.zone)
    return f"{in_words(contest.opens_at, zone)} to {in_words(contest.closes_at, zone)}, {contest.zone}"
