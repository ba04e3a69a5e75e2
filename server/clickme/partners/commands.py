"""`clickme partner`."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clickme.kit.options import HomeOption, JsonOption

if TYPE_CHECKING:
    from clickme_partner.registry import Installed, Judgement, Measured

app = typer.Typer(no_args_is_help=True, help="The partner: the network that looks at what is painted.")


class Published(StrEnum):
    """Networks whose weights are published."""

    RESNET50 = "resnet50"
    RESNET18 = "resnet18"


@app.callback()
def partner() -> None:
    """The partner: the network that looks at what is painted."""


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
    plain: Annotated[bool, typer.Option("--plain", help="Do not make a quicker form of it.")] = False,
    home: HomeOption = None,
) -> None:
    """Install a partner, and use it: in the form that is quickest here, where nothing is lost by it.

    It takes the place of the one of the same name; others stay.
    """
    from clickme.partners.optimise import measure_plain, quickest
    from clickme.partners.service import reporting
    from clickme.settings import Settings
    from clickme_partner.install import install as put

    folder = folder_of(home)
    with reporting() as report:
        done = put(
            choice.value if choice else None,
            file=file,
            normalisation=normalisation,
            folder=folder,
            cache=Settings().cache,
            report=report,
        )
        done = measure_plain(folder, done) if plain else quickest(folder, done, report)
    typer.echo(f"{done.name}  {done.path}\nsha256 {done.sha256}\nfrom {done.source} ({done.licence})")
    say(done)


@app.command("list")
def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the partners of a home; a star is beside the one in use."""
    from clickme_partner.errors import PartnerError
    from clickme_partner.registry import installed, partners

    folder = folder_of(home)
    found, used = partners(folder), None
    try:
        used = installed(folder)
    except PartnerError as damaged:  # the others are there all the same
        typer.echo(f"clickme: {damaged.message}", err=True)
    if as_json:
        typer.echo(json.dumps([as_report(one, one == used) for one in found], indent=2))
        return
    for one in found:
        named = in_words(one.measured) if one.measured else "not measured"
        typer.echo(
            f"{'*' if one == used else ' '} {one.name}  {one.form}  {one.sha256[:12]}  {named}  "
            f"{one.source} ({one.licence})"
        )


@app.command()
def use(
    name: Annotated[str, typer.Argument(help="As `clickme partner list` has it.")], home: HomeOption = None
) -> None:
    """Play with that partner from now on; a running server does so when it is started again."""
    from clickme_partner.registry import use as choose

    typer.echo(f"{choose(folder_of(home), name).name} is in use.")


@app.command()
def test(
    name: Annotated[str | None, typer.Argument(help="\\[default: the one in use]")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a partner look at the bundled photographs, and time it: games then show it views at that pace.

    Status 1 if it names fewer than is recorded on its card; what is not recorded yet is now.
    """
    from clickme.partners.bundled import bundled, score
    from clickme_partner.pace import remember
    from clickme_partner.registry import measured
    from clickme_partner.session import Session

    folder = folder_of(home)
    chosen = the_one(folder, name)
    session = Session(chosen.path, version=chosen.version)
    found, pace = score(session, *bundled()), remember(session, folder)
    if chosen.measured is None:
        measured(folder, chosen, found)
    recorded = chosen.measured or found
    if as_json:
        facts = {"partner": chosen.version, "provider": session.provider} | asdict(pace)
        typer.echo(json.dumps(facts | {"measured": asdict(found), "recorded": asdict(recorded)}, indent=2))
    else:
        typer.echo(
            f"{chosen.version}\n{in_words(found)}; recorded: {in_words(recorded)}\n"
            f"{pace.views_per_s:g} views/s, {pace.looks * pace.batch} at once, {session.provider}"
        )
    if found.top1 < recorded.top1 or found.top5 < recorded.top5:
        raise typer.Exit(1)


@app.command()
def optimise(home: HomeOption = None) -> None:
    """Make the partner quicker here, and use that form if it passes: as good a player, and faster.

    It is held against the plain partner on photographs that it was not made with. If it falls short of
    anything, it is not kept.
    """
    from clickme.partners.optimise import optimise as run
    from clickme.partners.service import reporting

    with reporting() as report:
        done = run(folder_of(home), report)
    typer.echo(f"{done.name}  {done.path}\nsha256 {done.sha256}")
    say(done)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8770,
    home: HomeOption = None,
) -> None:
    """Serve the partner in use to games elsewhere, and to anybody who speaks the Open Inference Protocol v2.

    A game shows its views to it when CLICKME_PARTNER_URL is set to its address.
    """
    from clickme.kit.logs import set_up_logs
    from clickme_partner.inference.serve import run_service
    from clickme_partner.side_by_side import at_its_pace

    set_up_logs()
    chosen = the_one(folder_of(home))
    run_service(*at_its_pace(chosen.path, chosen.version), host=host, port=port)


@app.command()
def triton(
    out: Annotated[Path, typer.Argument(help="A model repository, new or of others' models.", metavar="DIR")],
    home: HomeOption = None,
) -> None:
    """Write the partner in use for NVIDIA's Triton: `tritonserver --model-repository DIR` serves it."""
    from clickme_partner.inference.triton import write_repository

    chosen = the_one(folder_of(home))
    typer.echo(write_repository(out, chosen.path, chosen.version))


def folder_of(home: Path | None) -> Path:
    """Where the home's partners are."""
    from clickme.kit.home import open_home
    from clickme.settings import Settings

    return open_home(home or Settings().home).partner


def the_one(folder: Path, name: str | None = None) -> Installed:
    """The partner of that name, or the one in use. Problem `no_partner`; PartnerError as the registry's."""
    from clickme.kit.problems import Problem
    from clickme_partner.registry import installed, named

    found = installed(folder) if name is None else named(folder, name)
    if found is None:
        raise Problem("no_partner", "There is no partner here yet: type `clickme partner install`.")
    return found


def say(partner: Installed) -> None:
    """How good it was found to be."""
    if partner.measured:
        typer.echo(in_words(partner.measured))
    if partner.judgement:
        typer.echo("\n".join(beside_plain(partner.judgement)))


def in_words(measured: Measured) -> str:
    return f"top-1 {measured.top1}, top-5 {measured.top5} of {measured.photographs} photographs"


def beside_plain(found: Judgement) -> tuple[str, ...]:
    """A form beside the plain partner, in lines."""
    return (
        f"the plain first guess in its first five: {found.in_top5:.1%} of {found.views} views "
        "that it was not made with",
        f"the same first guess: {found.first_equal_whole:.1%} of whole photographs, "
        f"{found.first_equal_bubbled:.1%} of bubbled views",
        f"rounds of code players recognised: {found.recognised_form} of {found.rounds}; "
        f"the plain one: {found.recognised_plain}",
        f"views/s: {found.views_per_s_form:.1f}; the plain one: {found.views_per_s_plain:.1f} "
        f"({found.batch} at once, {found.provider}, onnxruntime {found.onnxruntime})",
    )


def as_report(partner: Installed, in_use: bool) -> dict[str, Any]:
    """All that is known of a partner, for programs."""
    return asdict(partner) | {"path": str(partner.path), "in_use": in_use}
