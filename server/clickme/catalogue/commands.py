"""`clickme images`: photographs into the catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clickme.kit.options import HomeOption, JsonOption

if TYPE_CHECKING:
    from clickme.catalogue.folder import Source
    from clickme.catalogue.service import Tally
    from clickme.kit.house import House

app = typer.Typer(help="The photographs that players see.", no_args_is_help=True)

BATCH = 100  # photographs a transaction: what an interrupted run has to prepare again, at most


@app.command()
def add(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Holds train/<wnid>/*.JPEG, or <wnid>/*.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add the photographs of a folder laid out like the ILSVRC challenge.

    What is already there is passed over, so an interrupted run goes on where it stopped. Leaves with status 1
    if not one photograph of the folder could be used.
    """
    from clickme.catalogue.folder import read_folder
    from clickme.kit.house import open_house

    folder = read_folder(directory)
    for name, photographs in folder.unknown.items():
        typer.echo(f"unknown category: {name} ({photographs} photographs)", err=True)
    with open_house(home) as house:
        tally = _add(house, folder, len(folder))
    _report(tally, sum(folder.unknown.values()), as_json)


@app.command()
def demo(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Add the bundled photographs, all in the public domain or CC0."""
    from clickme.catalogue.demo import demo_photographs
    from clickme.kit.house import open_house

    photographs = demo_photographs()
    with open_house(home) as house:
        tally = _add(house, photographs, len(photographs))
    _report(tally, 0, as_json)


def add_in_batches(house: House, sources: Iterable[Source]) -> Iterator[Tally]:
    """Add the photographs, each batch in a transaction of its own; its tally comes when it is committed."""
    from clickme.catalogue.service import add_photographs, seed_categories

    with house.database.transaction() as session:
        seed_categories(session)
    sources = iter(sources)
    while batch := list(islice(sources, BATCH)):
        with house.database.transaction() as session:
            tally = add_photographs(session, house.home.photographs, batch, house.settings.limits)
        yield tally


def _add(house: House, sources: Iterable[Source], total: int) -> Tally:
    """Add them all under a progress bar; those that are broken or too large are named as they come."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from clickme.catalogue.prepare import Reason
    from clickme.catalogue.service import Tally

    whole = Tally()
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
    with Progress(TextColumn("photographs"), *columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=total, rate="")
        for tally in add_in_batches(house, sources):
            whole += tally
            for source, left_out in tally.left_out:
                if left_out.reason != Reason.TOO_SMALL:  # these are many and nothing is wrong with them
                    line = f"{left_out.reason}: {source.path}: {left_out.message}"
                    progress.console.print(line, markup=False, highlight=False, soft_wrap=True)
            progress.advance(task, len(tally))
            progress.update(task, rate=f"{progress.tasks[0].speed or 0:.0f}/s")
    return whole


def _report(tally: Tally, unknown: int, as_json: bool) -> None:
    from clickme.catalogue.prepare import Reason

    counts = {
        "added": tally.added,
        "already there": tally.there,
        "too small": tally.count(Reason.TOO_SMALL),
        "too large": tally.count(Reason.TOO_LARGE),
        "unreadable": tally.count(Reason.UNREADABLE),
        "unknown category": unknown,
    }
    if as_json:
        typer.echo(json.dumps({name.replace(" ", "_"): count for name, count in counts.items()}))
    else:
        for name, count in counts.items():
            typer.echo(f"{name:<16} {count:>9,}")
    if tally.added + tally.there == 0:
        raise typer.Exit(1)
