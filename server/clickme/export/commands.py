"""`clickme export`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from clickme.kit.options import HomeOption, JsonOption


def export(
    out: Annotated[Path, typer.Option("--out", help="A new or an empty folder for the files.")],
    format_: Annotated[
        Literal["tfrecord"], typer.Option("--format", help="What the files are to be read by.")
    ] = "tfrecord",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write photographs with their maps to files that networks are trained on."""
    import json
    from dataclasses import asdict

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from clickme.export.service import export_tfrecord
    from clickme.kit.house import open_house

    bar = Progress(
        TextColumn("Exporting"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("photographs"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with open_house(home) as house, bar, house.database.transaction() as session:
        task = bar.add_task("", visible=False)  # until it is known that there is something to export
        shards = export_tfrecord(
            session,
            house.home.photographs,
            out,
            progress=lambda done, total: bar.update(task, completed=done, total=total, visible=True),
        )
    if as_json:
        typer.echo(json.dumps({"folder": str(out), "shards": [asdict(shard) for shard in shards]}, indent=2))
        return
    for shard in shards:
        typer.echo(f"{out / shard.name}  photographs: {shard.photographs}, maps: {shard.maps}")
