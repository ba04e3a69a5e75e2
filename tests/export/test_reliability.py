"""`clickme reliability`: players who share a strategy agree, random painters do not."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from clickme.catalogue.models import Image
from clickme.cli import app
from clickme.kit.house import House
from clickme.kit.problems import Problem
from made_up import Walk, add_photographs, add_player, add_round, painted_by


@pytest.fixture
def command(house: House, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`clickme` in the test's home."""
    monkeypatch.setenv("CLICKME_DATABASE_URL", house.database.url)
    monkeypatch.setenv("CLICKME_REDIS_URL", house.redis_url)
    return lambda *words: CliRunner().invoke(app, [*words, "--home", str(house.home.root)])


def around(place: tuple[int, int], random: Random) -> Walk:
    """A walk near a place."""
    x, y = place
    walk = []
    for tick in range(60):
        walk.append((x, y, 50 * tick))
        x = min(place[0] + 30, max(place[0] - 30, x + random.randint(-4, 4)))
        y = min(place[1] + 30, max(place[1] - 30, y + random.randint(-4, 4)))
    return walk


def play(house: House, *, share: bool) -> None:
    """Four players paint every photograph: all near a place of the photograph's own, or each anywhere."""
    add_photographs(house, 12)
    random = Random(1)
    with house.database.transaction() as session:
        players = [add_player(session, f"player {number}") for number in range(4)]
        for image in session.scalars(select(Image.id).order_by(Image.id)).all():
            place = random.randint(31, 224), random.randint(31, 224)
            for player in players:
                anywhere = random.randint(31, 224), random.randint(31, 224)
                add_round(session, player, image, "timeout", around(place if share else anywhere, random))


def test_a_shared_strategy_is_far_above_its_null(house: House, command: Callable[..., Any]) -> None:
    play(house, share=True)

    found = json.loads(command("reliability", "--json").stdout)

    assert found["photographs"] == 12
    assert found["rho"] > found["null"] + 0.3
    assert found["ceiling"] > found["floor"] + 0.3
    assert found["rho_interval"][0] > found["null"]
    words = command("reliability").stdout
    assert f"{found['rho']:.3f}" in words
    assert "12 photographs" in words


def test_random_painters_are_not(house: House, command: Callable[..., Any]) -> None:
    play(house, share=False)

    found = json.loads(command("reliability", "--json").stdout)

    low, high = found["rho_interval"]
    assert low < found["null"] < high


def test_the_same_seed_gives_the_same_figures(house: House, command: Callable[..., Any]) -> None:
    play(house, share=True)

    first, again, other = (command("reliability", "--json", "--seed", seed).stdout for seed in "001")

    assert first == again != other


def test_the_card_has_the_same_figures(house: House, command: Callable[..., Any], tmp_path: Path) -> None:
    play(house, share=True)
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
