"""What is excluded is dealt to nobody; what is said to nobody is said in a sentence."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from clickme.catalogue.models import Image
from clickme.catalogue.service import image_id
from clickme.cli import app
from clickme.game.closing import Ending, end
from clickme.game.dealing import deal
from clickme.game.models import Outcome
from clickme.game.rules import Rules
from clickme.kit.house import House
from clickme.kit.problems import Problem
from clickme.players.models import Player
from clickme.players.service import sign_up
from conftest import add_images
from made_up import NOON


@pytest.fixture
def command(house: House, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`clickme moderation` in the test's home."""
    monkeypatch.setenv("CLICKME_DATABASE_URL", house.database.url)
    monkeypatch.setenv("CLICKME_REDIS_URL", house.redis_url)
    return lambda *words: CliRunner().invoke(app, ["moderation", *words, "--home", str(house.home.root)])


def dealt(house: House) -> int:
    """How many photographs a new player gets."""
    number = 0
    with house.database.transaction() as session:
        player = sign_up(session, "test").id
        while (ready := deal(session, [player], Rules()).get(player)) is not None:
            end(session, [Ending(ready.id, Outcome.SKIPPED, NOON)])
            number += 1
    return number


def test_an_excluded_photograph_is_not_dealt_until_it_is_taken_back(
    house: House, command: Callable[..., Any]
) -> None:
    add_images(house, 3)

    assert command("exclude", "n01882714/1.JPEG", "--reason", "a drawing").exit_code == 0
    assert dealt(house) == 2
    with house.database.transaction() as session:
        excluded = session.scalars(select(Image).where(Image.excluded_at.is_not(None))).one()
        assert (excluded.source_path, excluded.exclusion) == ("n01882714/1.JPEG", "a drawing")
    assert command("include", "n01882714/1.JPEG").exit_code == 0
    assert dealt(house) == 3


def test_of_photographs_that_came_by_one_path_one_can_be_named(
    house: House, command: Callable[..., Any]
) -> None:
    add_images(house, 2)
    with house.database.transaction() as session:
        for image in session.scalars(select(Image)):
            image.source_path = "n0/same.JPEG"
        names = list(session.scalars(select(image_id())))

    assert command("exclude", names[0], "--reason", "twice").exit_code == 0

    assert len(set(names)) == 2
    assert dealt(house) == 1


def test_a_ban_is_kept_and_taken_back(house: House, command: Callable[..., Any]) -> None:
    with house.database.transaction() as session:
        name = sign_up(session, "test").name

    def banned() -> bool:
        with house.database.transaction() as session:
            return session.scalars(select(Player.banned_at)).one() is not None

    assert command("ban", name).exit_code == 0
    assert banned()
    assert command("unban", name).exit_code == 0
    assert not banned()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("exclude", "n0/none.JPEG", "--reason", "x"), "no_such_photograph"),
        (("include", "n0/none.JPEG"), "no_such_photograph"),
        (("ban", "Nobody"), "no_such_player"),
        (("unban", "Nobody"), "no_such_player"),
    ],
)
def test_what_is_not_there_is_named(
    house: House, command: Callable[..., Any], words: tuple[str, ...], code: str
) -> None:
    result = command(*words)

    assert result.exit_code == 1
    assert isinstance(result.exception, Problem)
    assert result.exception.code == code
    assert words[1] in result.exception.message
