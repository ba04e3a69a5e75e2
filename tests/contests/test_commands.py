"""`clickme contest` and `clickme leaderboard`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from typer.testing import CliRunner

from clickme.cli import app
from clickme.kit.house import House
from clickme.kit.problems import Problem
from contests.played import Town, lines


@pytest.fixture
def command(house: House, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`clickme …` in the test's home."""
    monkeypatch.setenv("CLICKME_DATABASE_URL", house.database.url)
    monkeypatch.setenv("CLICKME_REDIS_URL", house.redis_url)
    return lambda *words: CliRunner().invoke(app, [*words, "--home", str(house.home.root)])


def listed(command: Callable[..., Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(command("contest", "list", "--json").stdout)
    return found


def test_a_contest_is_announced_opened_and_closed(command: Callable[..., Any], tmp_path: Path) -> None:
    rules = tmp_path / "rules.md"
    rules.write_text("# Prizes\n\nCake for the first, tea for all: Grüße.\n", encoding="utf-8")
    made = command(
        "contest", "create", "Sprint", "--opens", "2099-07-01 18:00", "--closes", "2099-07-08 18:00",
        "--zone", "Europe/Paris", "--rules", str(rules), "--counts", "rounds",
    )  # fmt: skip
    assert made.exit_code == 0
    assert made.stdout == "1  Sprint: 1 July 2099, 18:00 to 8 July 2099, 18:00, Europe/Paris\n"
    (contest,) = listed(command)
    assert contest["rules"] == rules.read_text(encoding="utf-8")
    assert (contest["opens_at"], contest["zone"], contest["counts"], contest["state"]) == (
        "2099-07-01T16:00:00Z", "Europe/Paris", "rounds", "announced",
    )  # fmt: skip

    assert command("contest", "open", "Sprint").exit_code == 0
    assert [one["state"] for one in listed(command)] == ["open"]
    said = command("contest", "list").stdout
    assert said.startswith("1  open       Sprint: ")
    assert said.endswith("; counts rounds\n")
    assert command("contest", "close", "1").exit_code == 0
    assert [one["state"] for one in listed(command)] == ["counting"]


def test_without_times_and_zone_it_opens_now_in_the_servers_zone(
    command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLICKME_TIME_ZONE", "Asia/Kolkata")
    assert command("contest", "create", "Sprint", "--closes", "2099-01-01 00:00").exit_code == 0
    (contest,) = listed(command)
    assert (contest["state"], contest["zone"], contest["closes_at"]) == (
        "open", "Asia/Kolkata", "2098-12-31T18:30:00Z",
    )  # fmt: skip


def test_what_has_not_opened_is_called_off(command: Callable[..., Any]) -> None:
    command("contest", "create", "Sprint", "--opens", "2099-01-01 00:00", "--closes", "2099-01-02 00:00")
    assert command("contest", "close", "Sprint").stdout == "Sprint is called off.\n"
    assert listed(command) == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("create", "A", "--closes", "2099-03-29 02:30", "--zone", "Europe/Paris"), "no_such_time"),
        (("create", "A", "--closes", "2099-10-25 02:30", "--zone", "Europe/Paris"), "time_comes_twice"),
        (("create", "A", "--closes", "soon"), "bad_time"),
        (("create", "A", "--closes", "2099-01-01", "--zone", "Paris"), "no_such_zone"),
        (("create", "A", "--closes", "2001-01-01"), "contest_window"),
        (("create", "A", "--closes", "2099-01-01", "--rules", "/nowhere/rules.md"), "rules_not_read"),
        (("open", "Sprint"), "no_such_contest"),
        (("close", "7"), "no_such_contest"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    command: Callable[..., Any], words: tuple[str, ...], code: str
) -> None:
    result = command("contest", *words)
    assert result.exit_code == 1
    assert isinstance(result.exception, Problem)
    assert result.exception.code == code


def test_rules_are_a_text_of_a_bounded_length(command: Callable[..., Any], tmp_path: Path) -> None:
    rules = tmp_path / "rules.md"
    for content in (b"\xff\xfe", b"a\0b", b"x" * 70_000):
        rules.write_bytes(content)
        result = command("contest", "create", "A", "--closes", "2099-01-01", "--rules", str(rules))
        assert isinstance(result.exception, Problem)
        assert result.exception.code == "rules_not_read"


def test_leaderboards_are_rebuilt_by_one_command(command: Callable[..., Any], town: Town) -> None:
    boards = town.boards()
    boards.refresh()
    ann = town.player("ann")
    town.play(boards, ann, 0.5)
    with redis.Redis.from_url(town.house.redis_url) as client:
        client.zadd("clickme:board:all", {"999": 5_000_000, str(ann): 1})  # wrong, whyever
    result = command("leaderboard", "rebuild")
    assert result.exit_code == 0
    assert "all  1 players\n" in result.stdout
    town.clock.advance(2)
    assert lines(boards.view(boards.today()).entries) == [(1, "ann", 500_000)]
    with redis.Redis.from_url(town.house.redis_url) as client:
        assert client.zrange("clickme:board:all", 0, -1) == [b"whole", str(ann).encode()]


def test_a_ban_by_command_takes_a_player_off_the_boards_and_back(
    command: Callable[..., Any], town: Town
) -> None:
    boards = town.boards()
    boards.refresh()
    town.play(boards, town.player("ann"), 0.5)
    seen = []
    for words in (("ban", "ann"), ("unban", "ann")):
        assert command("moderation", *words).exit_code == 0
        boards.refresh()
        town.clock.advance(2)
        seen.append(lines(boards.view(boards.today()).entries))
    assert seen == [[], [(1, "ann", 500_000)]]
