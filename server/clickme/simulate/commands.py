"""`clickme simulate`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from clickme.kit.options import HomeOption, JsonOption


def simulate(
    rounds: Annotated[
        int | None, typer.Option(min=1, help="How many rounds one player plays. \\[default: 20]")
    ] = None,
    players: Annotated[int | None, typer.Option(min=1, help="Or: how many players play at once,")] = None,
    seconds: Annotated[
        float | None, typer.Option(min=1, help="for how long, once all have come, \\[default: 60]")
    ] = None,
    drop: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="and what share of them loses its connection now and then."),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="The server's address. \\[default: the one running in the home]")
    ] = None,
    strategy: Annotated[
        Literal["spiral", "contrast", "wander"],
        typer.Option(help="Out from the middle; to what stands out in the photograph; anywhere."),
    ] = "spiral",
    seed: Annotated[int, typer.Option(help="The same seed paints the same strokes.")] = 0,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let players made of code play on a running server, by the same socket as people.

    One plays a number of rounds. Or many play at once, and think between rounds as people do: a load, whose
    report holds what was acknowledged against what is stored. Status 1 if bubbles are lost.
    """
    if players is None:
        if seconds is not None or drop is not None:
            raise typer.BadParameter("--seconds and --drop are for --players.")
        play_alone(rounds or 20, url, strategy, seed, home, as_json=as_json)
    else:
        if rounds is not None:
            raise typer.BadParameter("--rounds is for one player, --players for many.")
        play_together(players, seconds or 60.0, drop or 0.0, url, strategy, seed, home, as_json=as_json)


def play_alone(
    rounds: int, url: str | None, strategy: str, seed: int, home: Path | None, *, as_json: bool
) -> None:
    import asyncio
    import json
    from collections import Counter

    from rich.console import Console
    from rich.progress import track

    from clickme.simulate.player import running_at, sit_down
    from clickme.simulate.strokes import STRATEGIES

    address = url or running_at(home)
    bar = track(range(rounds), "Playing", console=Console(stderr=True))
    played = asyncio.run(sit_down(address, bar, seed, STRATEGIES[strategy]))
    outcomes = Counter(round_.outcome for round_ in played)
    report = {
        "rounds": len(played),
        "outcomes": dict(outcomes),
        "bubbles_sent": sum(round_.sent for round_ in played),
        "bubbles_acknowledged": sum(round_.acknowledged for round_ in played),
        "points": round(sum(round_.points for round_ in played), 4),
    }
    if as_json:
        typer.echo(json.dumps(report, indent=2))
        return
    typer.echo(
        f"{report['rounds']} rounds: "
        + ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
        + f"\n{report['bubbles_sent']} bubbles sent, {report['bubbles_acknowledged']} acknowledged"
        + f"\n{report['points']} points"
    )


def play_together(
    players: int,
    seconds: float,
    drop: float,
    url: str | None,
    strategy: str,
    seed: int,
    home: Path | None,
    *,
    as_json: bool,
) -> None:
    import json
    from contextlib import ExitStack

    from rich.console import Console
    from rich.progress import Progress

    from clickme.kit.house import open_house
    from clickme.simulate.crowd import Plan
    from clickme.simulate.load import load
    from clickme.simulate.player import running_at
    from clickme.simulate.strokes import STRATEGIES

    address = (url or running_at(home)).rstrip("/")
    plan = Plan(address, players, seconds, drop=drop, strategy=STRATEGIES[strategy], seed=seed)
    with ExitStack() as stack:
        house = None if url else stack.enter_context(open_house(home))
        progress = stack.enter_context(Progress(console=Console(stderr=True)))
        bar = progress.add_task("", total=1.0)

        def say(step: str, fraction: float | None = None) -> None:
            progress.update(bar, description=step, completed=fraction or 0.0)

        report = load(plan, say, house.database if house else None)
    typer.echo(json.dumps(report.as_json(), indent=2) if as_json else "\n".join(report.lines()))
    if not report.whole:
        raise typer.Exit(1)
