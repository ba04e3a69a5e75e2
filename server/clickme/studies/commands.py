"""`clickme study`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from clickme.kit.options import HomeOption, JsonOption

app = typer.Typer(no_args_is_help=True, help="Experiments that anybody can repeat.")


@app.callback()
def study() -> None:
    """Experiments that anybody can repeat."""


@app.command()
def fills(
    photographs: Annotated[
        Path | None,
        typer.Argument(help="ILSVRC12 photographs: <wnid>/*.JPEG. \\[default: the bundled ones]"),
    ] = None,
    players: Annotated[int, typer.Option(min=1, help="Of each strategy, on each photograph.")] = 3,
    partner: Annotated[
        str | None, typer.Option(help="As `clickme partner list` has it. \\[default: the one in use]")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """What is seen where nothing is painted, and how many guesses count: what it does to the game.

    Code players paint; a Markdown table says which share of their rounds, in %, the partner recognises within
    so many bubbles, with the paper's fill and the original game's.
    """
    import json
    from dataclasses import asdict

    from clickme.catalogue.demo import demo_photographs
    from clickme.catalogue.folder import read_folder
    from clickme.partners.commands import folder_of, the_one
    from clickme.studies.fills import fills as run
    from clickme.studies.fills import table
    from clickme_gala.progress import share
    from clickme_partner.session import Session

    chosen = the_one(folder_of(home), partner)
    sources = list(read_folder(photographs)) if photographs else demo_photographs()
    with share() as progress:
        found = run(
            Session(chosen.path, version=chosen.version),
            sources,
            lambda done: progress("playing", done / len(sources)),
            players=players,
        )
    typer.echo(json.dumps(asdict(found), indent=2) if as_json else "\n".join(table(found)))


@app.command()
def imagenette(
    photographs: Annotated[
        Path, typer.Argument(help="ILSVRC12 photographs of a few classes: <wnid>/*.JPEG.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Everything goes there; what is done is kept.")],
    coco: Annotated[
        Path | None, typer.Option(help="A COCO folder, to hold attention against objects.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=10, help="Networks of each kind.")] = 3,
    model: Annotated[
        Literal["resnet-18", "resnet-50"], typer.Option(help="The plain one of each three.")
    ] = "resnet-18",
    width: Annotated[int, typer.Option(min=1, help="Channels to begin with.")] = 32,
    size: Annotated[int, typer.Option(min=64, help="px of a photograph's crop.")] = 112,
    epochs: Annotated[int, typer.Option(min=1)] = 30,
    batch: Annotated[int, typer.Option(min=1)] = 64,
    learning_rate: Annotated[float | None, typer.Option(help="\\[default: 0.1 for a batch of 256]")] = None,
    bf16: Annotated[bool, typer.Option("--bf16/--no-bf16")] = True,
    workers: Annotated[int | None, typer.Option(min=0, help="Processes that read photographs.")] = None,
    home: HomeOption = None,
) -> None:
    """Do maps help? Code players paint ten classes; six ways to train, with several seeds, are compared.

    The players follow the class evidence of the home's partner. An interrupted study goes on from there: with
    the same photographs, and the same partner if there is one.
    """
    from clickme.export.commands import bars
    from clickme.kit.home import open_home
    from clickme.kit.problems import Problem
    from clickme.settings import Settings
    from clickme_gala.commands import cores, ready
    from clickme_gala.progress import bar, share
    from clickme_partner.registry import plain

    with ready():
        from clickme.studies.imagenette import paint, refuse_other
        from clickme.studies.table3 import differences, run, table
        from clickme_gala.recipe import Recipe

        data = out / "data"
        # A quicker form has no float features to read evidence from.
        partner = plain(open_home(home or Settings().home).partner)
        if (data / "dataset_info.json").exists():
            refuse_other(data, photographs, partner)
        elif partner is None:
            raise Problem("no_partner", "No partner is there to follow: type `clickme partner install`.")
        else:
            with bars() as progress:
                paint(photographs, data, partner, progress)
        recipe = Recipe(
            model=model,
            width=width,
            size=size,
            epochs=epochs,
            batch=batch,
            learning_rate=learning_rate,
            bf16=bf16,
            channels_last=True,
        )
        with share() as progress_of:
            judgements = run(data, out, recipe, seeds, bar, progress_of, coco=coco, workers=cores(workers))
        for line in (*table(judgements), "", *differences(judgements)):
            typer.echo(line)
