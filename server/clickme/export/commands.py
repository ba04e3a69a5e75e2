"""`clickme export` and `clickme reliability`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from clickme.kit.options import HomeOption, JsonOption

if TYPE_CHECKING:
    from clickme.export.facts import Facts
    from clickme.export.selection import Selection
    from clickme.maps.reliability import Reliability


class Pointer(StrEnum):
    """As the rounds record it."""

    MOUSE = "mouse"
    TOUCH = "touch"
    PEN = "pen"
    KEYBOARD = "keyboard"


SELECTION = "Which rounds count"
MAPS = "How maps are made"

FlagsOption = Annotated[
    int,
    typer.Option(
        min=0,
        help="Leave out photographs that this many players flagged; 0: none.",
        rich_help_panel=SELECTION,
    ),
]
ExcludedOption = Annotated[
    bool,
    typer.Option("--keep-excluded", help="Keep photographs that were excluded.", rich_help_panel=SELECTION),
]
BannedOption = Annotated[
    bool, typer.Option("--keep-banned", help="Keep rounds of banned players.", rich_help_panel=SELECTION)
]
MinBubblesOption = Annotated[
    int, typer.Option(min=1, help="Leave out rounds with fewer bubbles.", rich_help_panel=SELECTION)
]
PointersOption = Annotated[
    list[Pointer] | None,
    typer.Option("--pointer", help="Only rounds painted by it; may be repeated.", rich_help_panel=SELECTION),
]
ContestOption = Annotated[
    int | None, typer.Option(help="Only rounds of the contest of this number.", rich_help_panel=SELECTION)
]
DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"]
SinceOption = Annotated[
    datetime | None,
    typer.Option(formats=DATES, help="Only rounds begun then or later (UTC).", rich_help_panel=SELECTION),
]
UntilOption = Annotated[
    datetime | None,
    typer.Option(formats=DATES, help="Only rounds begun before (UTC).", rich_help_panel=SELECTION),
]
MinPlayersOption = Annotated[
    int, typer.Option(min=1, help="Leave out photographs with fewer players.", rich_help_panel=SELECTION)
]


def export(
    out: Annotated[Path, typer.Option("--out", help="A new or an empty folder for the files.")],
    format_: Annotated[
        Literal["tfrecord", "webdataset", "parquet", "hdf5", "npz", "ndjson"],
        typer.Option("--format", help="What the files are to be read by."),
    ] = "tfrecord",
    schema: Annotated[
        Literal["default", "raw"],
        typer.Option(help="Of tfrecord: raw floats, as in gala_tpu and the lab's archive."),
    ] = "default",
    image_scale: Annotated[
        Literal["1", "255"],
        typer.Option(help="Of the raw schema: what white is. gala_tpu: 1, the archive: 255."),
    ] = "1",
    images: Annotated[
        Literal["embed", "none"] | None,
        typer.Option(
            help="Whether the photographs are in the files. \\[default: where there is room for them]"
        ),
    ] = None,
    per_player: Annotated[
        bool, typer.Option("--per-player", help="A map of each player, not of each photograph.")
    ] = False,
    split_by: Annotated[
        Literal["photograph", "none"],
        typer.Option(help="90, 5 and 5 % of the photographs; none: all in one."),
    ] = "photograph",
    per_shard: Annotated[
        int, typer.Option(min=1, help="Photographs a file; maps, with --per-player.")
    ] = 1024,
    licence: Annotated[str | None, typer.Option(help="Of the maps and strokes, e.g. CC-BY-4.0.")] = None,
    dask: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Let a Dask cluster do the work: tcp://HOST:PORT.")
    ] = None,
    map_: Annotated[
        Literal["mean", "count", "point"],
        typer.Option("--map", help="Share of players; squares summed; bubbles.", rich_help_panel=MAPS),
    ] = "mean",
    box: Annotated[
        int, typer.Option(min=1, help="Of count: a square's side, px.", rich_help_panel=MAPS)
    ] = 18,
    blur: Annotated[
        Literal["gaussian", "disk", "none"] | None,
        typer.Option(help="\\[default: gaussian; none for the raw schema]", rich_help_panel=MAPS),
    ] = None,
    kernel: Annotated[
        int, typer.Option(min=1, max=255, help="The Gaussian's extent, px, odd.", rich_help_panel=MAPS)
    ] = 49,
    sigma: Annotated[
        float, typer.Option(min=0.1, max=1000, help="The Gaussian's width, px.", rich_help_panel=MAPS)
    ] = 28.0,
    flags: FlagsOption = 1,
    keep_excluded: ExcludedOption = False,
    keep_banned: BannedOption = False,
    min_bubbles: MinBubblesOption = 1,
    pointer: PointersOption = None,
    contest: ContestOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    min_players: MinPlayersOption = 1,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write photographs with their maps to files that networks are trained on.

    An export that was interrupted goes on where it stopped, when the same command is given again.
    """
    from clickme.export.options import Options
    from clickme.export.service import export as run
    from clickme.kit.house import open_house
    from clickme.maps import Recipe

    if kernel % 2 == 0:
        raise typer.BadParameter("a kernel has an odd number of pixels", param_hint="--kernel")
    options = Options(
        format=format_,
        schema=schema,
        image_scale=255 if image_scale == "255" else 1,
        images=images,
        per_player=per_player,
        # Who reads the raw schema blurs by itself.
        recipe=Recipe(map_, box, blur or ("none" if schema == "raw" else "gaussian"), kernel, sigma),
        selection=chosen(
            flags,
            keep_excluded,
            keep_banned,
            min_bubbles,
            pointer,
            contest,
            since,
            until,
            min_players,
        ),
        split_by=split_by,
        per_shard=per_shard,
        licence=licence,
    )
    with open_house(home) as house, bars() as progress:
        facts = run(house, out, options, progress, dask=dask)
    if as_json:
        typer.echo(json.dumps(as_report(out, facts), indent=2))
    else:
        say(out, facts)


def reliability(
    seed: Annotated[int, typer.Option(help="Of what is drawn by lot.")] = 0,
    flags: FlagsOption = 1,
    keep_excluded: ExcludedOption = False,
    keep_banned: BannedOption = False,
    min_bubbles: MinBubblesOption = 1,
    pointer: PointersOption = None,
    contest: ContestOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    min_players: MinPlayersOption = 1,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how far players agree on where to look, beside what chance would give."""
    from clickme.export.service import reliability as measure
    from clickme.kit.house import open_house

    selection = chosen(
        flags, keep_excluded, keep_banned, min_bubbles, pointer, contest, since, until, min_players
    )
    with open_house(home) as house, bars() as progress:
        measured = measure(house, selection, seed, progress.writing)
    if as_json:
        typer.echo(json.dumps(asdict(measured), indent=2))
    else:
        typer.echo(in_words(measured))


def chosen(
    flags: int,
    excluded: bool,
    banned: bool,
    min_bubbles: int,
    pointers: list[Pointer] | None,
    contest: int | None,
    since: datetime | None,
    until: datetime | None,
    min_players: int,
) -> Selection:
    """The options about rounds, put together."""
    from clickme.export.selection import Selection

    return Selection(
        flags=flags,
        excluded=excluded,
        banned=banned,
        min_bubbles=min_bubbles,
        pointers=tuple(map(str, pointers or ())),
        contest=contest,
        since=utc(since),
        until=utc(until),
        min_players=min_players,
    )


def utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


class Bars:
    """A line on stderr that says how far it is, and how long it will take."""

    def __init__(self, progress: Any) -> None:
        self.progress = progress
        self.task: Any = None

    def reading(self, done: int) -> None:
        self._show("Reading", done, None)

    def writing(self, done: int, total: int) -> None:
        self._show("Making maps", done, total)

    def _show(self, what: str, done: int, total: int | None) -> None:
        if self.task is None:
            self.task = self.progress.add_task("", what=what, total=total)
        self.progress.update(self.task, what=what, completed=done, total=total)


@contextmanager
def bars() -> Iterator[Bars]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("photographs"), TimeRemainingColumn())
    with Progress(TextColumn("{task.fields[what]}"), *columns, console=Console(stderr=True)) as progress:
        yield Bars(progress)


def as_report(out: Path, facts: Facts) -> dict[str, Any]:
    return {"folder": str(out), **asdict(facts)}


def say(out: Path, facts: Facts) -> None:
    """The files on stdout; what was left out, and how far players agree, beside them."""
    from clickme.export.beside.words import count

    for shard in facts.shards:
        typer.echo(f"{out / shard.name}  photographs: {shard.photographs:,}, maps: {shard.maps:,}")
    typer.echo(
        f"{count(facts.photographs, 'photograph')}, {count(facts.rounds, 'map')} by "
        f"{count(facts.players, 'player')}, {count(facts.bubbles, 'bubble')}"
    )
    typer.echo("left out:")
    for line in facts.left_out:
        photographs = f", {count(line.photographs, 'photograph')}" if line.photographs else ""
        typer.echo(f"  {line.says}: {count(line.rounds, 'round')}{photographs}")
    if facts.reliability:
        typer.echo(in_words(facts.reliability))


def in_words(measured: Reliability) -> str:
    """The figures, each with what it is."""
    return "\n".join(
        (
            f"reliability (Spearman), {measured.photographs:,} photographs with two or more players:",
            f"  two players of a photograph   {figure(measured.rho, measured.rho_interval)}",
            f"  of different photographs      {figure(measured.null)}   p = {figure(measured.p)}",
            f"  two halves of the players     {figure(measured.ceiling, measured.ceiling_interval)}, ceiling",
            f"  of different photographs      {figure(measured.floor, measured.floor_interval)}, floor",
        )
    )


def figure(value: float | None, interval: tuple[float, float] | None = None) -> str:
    if value is None:
        return "not measured"
    return f"{value:.3f}" + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")
