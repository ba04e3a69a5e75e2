"""`clickme reliability`: players who share a strategy agree, random painters do not."""

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow
from sqlalchemy import select
from typer.testing import CliRunner

from clickme.catalogue.models import Image
from clickme.catalogue.store import photograph_path
from clickme.cli import app
from clickme.game.rules import Rules
from clickme.kit.house import House
from clickme.kit.problems import Problem
from clickme.simulate.strokes import Strategy, contrast, follow, wander
from made_up import Walk, add_photographs, add_player, add_round, painted_by


@pytest.fixture
def command(house: House, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`clickme` in the test's home."""
    monkeypatch.setenv("CLICKME_DATABASE_URL", house.database.url)
    monkeypatch.setenv("CLICKME_REDIS_URL", house.redis_url)
    return lambda *words: CliRunner().invoke(app, [*words, "--home", str(house.home.root)])


RULES = Rules()


def walk(strategy: Strategy, photograph: NDArray[np.uint8], chance: Random) -> Walk:
    """What the brush paints in three and a half seconds, led by the strategy."""
    painted: Walk = []
    for tick, cursor in enumerate(islice(strategy(RULES, photograph, chance), 70)):
        last = painted[-1][:2] if painted else None
        painted.append((*follow(RULES, last, cursor), 50 * tick))
    return painted


def play(house: House, strategy: Strategy) -> None:
    """Four code players of one strategy paint all the bundled photographs."""
    add_photographs(house, 31)
    chance = Random(1)
    with house.database.transaction() as session:
        players = [add_player(session, f"player {number}") for number in range(4)]
        for image in session.scalars(select(Image).order_by(Image.source_path)).all():
            with Pillow.open(photograph_path(house.home.photographs, image.sha256)) as file:
                photograph = np.asarray(file.convert("L"))
            for player in players:
                add_round(session, player, image.id, "timeout", walk(strategy, photograph, chance))


def test_a_shared_strategy_is_far_above_its_null(house: House, command: Callable[..., Any]) -> None:
    play(house, contrast)

    found = json.loads(command("reliability", "--json").stdout)

    assert found["photographs"] == 31
    assert found["rho"] > found["null"] + 0.3
    assert found["ceiling"] > found["floor"] + 0.3
    assert found["rho_interval"][0] > found["null"]
    words = command("reliability").stdout
    assert f"{found['rho']:.3f}" in words
    assert "31 photographs" in words


def test_random_painters_are_not(house: House, command: Callable[..., Any]) -> None:
    play(house, wander)

    found = json.loads(command("reliability", "--json").stdout)

    low, high = found["rho_interval"]
    assert low < found["null"] < high


def test_the_same_seed_gives_the_same_figures(house: House, command: Callable[..., Any]) -> None:
    play(house, contrast)

    first, again, other = (command("reliability", "--json", "--seed", seed).stdout for seed in "001")

    assert first == again != other


def test_the_card_has_the_same_figures(house: House, command: Callable[..., Any], tmp_path: Path) -> None:
    play(house, contrast)
    found = json.loads(command("reliability", "--json").stdout)

    facts = json.loads(command("export", "--out", str(tmp_path / "out"), "--blur", "none", "--json").stdout)

    assert facts["reliability"] == found
    assert f"{found['rho']:.2f}" in (tmp_path / "out" / "README.md").read_text()


def test_one_player_has_nobody_to_agree_with(house: House, command: Callable[..., Any]) -> None:
    add_photographs(house, 2)
    with house.database.transaction() as session:
        player = add_player(session, "alone")
        for image in session.scalars(select(Image.id)).all():
            add_round(session, player, image, "timeout", painted_by(Random(0)))

    result = command("reliability")

    assert isinstance(result.exception, Problem)
    assert result.exception.code == "nothing_to_compare"
