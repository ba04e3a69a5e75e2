"""`clickme partner`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from clickme.kit.options import HomeOption

app = typer.Typer(no_args_is_help=True, help="The partner: the network that looks at what is painted.")


class Published(StrEnum):
    """Networks whose weights are published."""

    RESNET50 = "resnet50"
    RESNET18 = "resnet18"


@app.command()
def install(
    choice: Annotated[Published | None, typer.Argument(help="\\[default: the best that can be had]")] = None,
    file: Annotated[
        Path | None, typer.Option("--from", help="An ONNX classifier of the 1,000 classes, instead.")
    ] = None,
    normalisation: Annotated[
        str | None,
        typer.Option(help="What FILE wants done to pixels: torchvision, caffe, tf, unit, none or inside."),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Install a partner in a home, in the place of the one that is there."""
    from clickme.game.partner import reporting
    from clickme.kit.home import open_home
    from clickme.settings import Settings
    from clickme_partner.install import install as put

    settings = Settings()
    folder = open_home(home or settings.home).partner
    with reporting() as report:
        done = put(
            choice.value if choice else None,
            file=file,
            normalisation=normalisation,
            folder=folder,
            cache=settings.cache,
            report=report,
        )
    typer.echo(f"{done.name}  {done.path}\nsha256 {done.sha256}\nfrom {done.source} ({done.licence})")


@app.callback()
def partner() -> None:
    """The partner: the network that looks at what is painted."""
