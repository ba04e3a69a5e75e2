"""`clickme simulate`."""

from typing import Annotated, Literal

import typer

from clickme.kit.options import HomeOption, JsonOption


def simulate(
    rounds: Annotated[int, typer.Option(min=1, help="How many rounds to play.")] = 20,
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
    """Let a player made of code play rounds on a running server, by the same socket as people."""
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
