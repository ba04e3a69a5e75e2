"""A crowd plays as the page does, loses its connections, and says what is stored and what is not."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import text

from clickme.kit.house import House
from clickme.kit.problems import Problem
from clickme.settings import Settings
from clickme.simulate.crowd import Plan
from clickme.simulate.load import load
from clickme.simulate.strokes import contrast
from conftest import RunningServer, add_images, environment, quiet

Serve = Callable[[], RunningServer]


def ended_once(house: House) -> bool:
    """Whether every round that began has ended, and each counted once."""
    with house.database.transaction() as session:
        running = session.scalar(
            text("SELECT count(*) FROM rounds WHERE begun_at IS NOT NULL AND ended_at IS NULL")
        )
        counting = session.scalar(
            text("SELECT count(*) FROM rounds WHERE outcome IN ('recognised', 'timeout')")
        )
        return (running, session.scalar(text("SELECT sum(maps) FROM images"))) == (0, counting)


def test_what_a_crowd_hears_is_what_is_there(serve: Serve, house: House) -> None:
    add_images(house, 30)
    said: list[str] = []

    def say(step: str, fraction: float | None = None) -> None:
        said.append(step)

    report = load(Plan(serve().url, players=8, seconds=6), say, house.database)

    assert report.whole
    assert report.outcomes == {"recognised": report.rounds}
    assert report.rounds >= 8
    assert report.bubbles_sent >= report.bubbles_acknowledged == report.bubbles_stored > 0
    assert report.reconnects == 0
    assert report.ack_ms["p50"] <= report.ack_ms["p95"] <= report.ack_ms["p99"] <= report.ack_ms["max"]
    assert report.verdict_ms["p50"] > 0
    assert report.client_cores > 0
    assert ended_once(house)
    assert list(dict.fromkeys(said)) == [
        "Arriving",
        "Playing",
        "The last rounds",
        "Counting what is stored",
    ]
    with house.database.transaction() as session:
        points, stored = session.execute(
            text("SELECT sum(points), (SELECT count(*) FROM bubbles) FROM players")
        ).one()
    assert report.bubbles_stored == stored
    assert report.points == pytest.approx(points, abs=1e-3)


def test_connections_that_are_lost_lose_no_bubble(serve: Serve, house: House) -> None:
    add_images(house, 30, class_index=7)  # no koalas: rounds are long

    plan = Plan(serve().url, players=8, seconds=4, drop=1.0, between_losses_s=2.0)
    report = load(plan, quiet)  # as the server says it

    assert report.whole
    assert report.reconnects >= 8
    assert report.outcomes == {"timeout": report.rounds}
    assert report.bubbles_acknowledged > 0.7 * 140 * report.rounds  # most is sent again, if not all
    assert report.bubbles_acknowledged <= report.bubbles_stored <= report.bubbles_sent
    assert "resumed_behind" not in report.errors
    assert ended_once(house)


def test_a_crowd_outlives_its_server(serve: Serve, house: House) -> None:
    add_images(house, 30, class_index=7)
    server = serve()
    with ThreadPoolExecutor(1) as beside:
        plan = Plan(server.url, players=6, seconds=6)
        playing = beside.submit(load, plan, quiet, house.database)
        while bubbles(house) < 200 and not playing.done():
            time.sleep(0.05)
        server.stop(signal.SIGKILL)
        serve()
        report = playing.result()

    assert report.whole
    assert report.reconnects >= 6
    assert "resumed_behind" not in report.errors
    assert set(report.outcomes) == {"timeout"}
    assert ended_once(house)


def bubbles(house: House) -> int:
    with house.database.transaction() as session:
        return session.scalar(text("SELECT count(*) FROM bubbles")) or 0


def test_the_same_crowd_paints_photographs_for_what_they_show(serve: Serve, house: House) -> None:
    add_images(house, 4)
    report = load(Plan(serve().url, players=2, seconds=30, strategy=contrast), quiet, house.database)
    assert report.finished == 2  # each had all four, before the time was up
    assert report.rounds == 8
    assert report.whole


FORGETFUL = """
CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN DELETE FROM bubble_batches WHERE round_id = NEW.round_id AND first_index = 4; RETURN NULL; END $$;
CREATE TRIGGER forget AFTER INSERT ON bubble_batches FOR EACH ROW EXECUTE FUNCTION forget();
"""


@pytest.mark.parametrize("by_url", [False, True])
def test_bubbles_that_are_lost_are_said(serve: Serve, house: House, settings: Settings, by_url: bool) -> None:
    """A database that forgets what it has committed: `clickme simulate` leaves with status 1."""
    add_images(house, 20)
    with house.database.transaction() as session:
        session.execute(text(FORGETFUL))
    server = serve()
    where = ["--url", server.url] if by_url else []

    done = simulate(settings, "--players", 2, "--seconds", 3, *where)

    assert done.returncode == 1, done.stderr
    assert "NOT WHOLE" in done.stdout
    assert "0 are stored that nobody sent" in done.stdout


def simulate(settings: Settings, *arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [Path(sys.executable).with_name("clickme"), "simulate", *map(str, arguments)],
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_reports_for_programs_and_for_people(
    serve: Serve, house: House, settings: Settings
) -> None:
    add_images(house, 20)
    serve()

    for_programs = simulate(settings, "--players", 2, "--seconds", 3, "--json")
    for_people = simulate(settings, "--players", 2, "--seconds", 3, "--drop", 1)

    assert for_programs.returncode == for_people.returncode == 0, for_programs.stderr + for_people.stderr
    report = json.loads(for_programs.stdout)
    assert report["players"] == 2
    assert report["bubbles_lost"] == report["bubbles_too_many"] == 0
    assert report["bubbles_stored"] == report["bubbles_acknowledged"] > 0
    assert {"p50", "p95", "p99", "max"} == set(report["ack_ms"])
    assert "2 players" in for_people.stdout
    assert "stored" in for_people.stdout


@pytest.mark.parametrize(
    "arguments", [["--seconds", 3], ["--drop", 0.5], ["--players", 2, "--rounds", 3], ["--players", 0]]
)
def test_options_that_do_not_go_together(settings: Settings, arguments: list[object]) -> None:
    assert simulate(settings, *arguments).returncode == 2


def test_a_server_that_lets_in_no_more_is_told_from_one_that_fails(
    serve: Serve, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_images(house, 4)
    monkeypatch.setenv("CLICKME_LIMIT_SIGN_UPS", "3/hour")
    with pytest.raises(Problem) as problem:
        load(Plan(serve().url, players=5, seconds=60), quiet, house.database)
    assert problem.value.code == "too_many_sign_ups"
    assert "CLICKME_LIMIT_SIGN_UPS" in problem.value.message


def test_a_server_with_too_few_sockets_says_so(
    serve: Serve, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_images(house, 4)
    monkeypatch.setenv("CLICKME_LIMIT_SOCKETS_PER_ADDRESS", "2")
    with pytest.raises(Problem) as problem:
        load(Plan(serve().url, players=5, seconds=60), quiet, house.database)
    assert problem.value.code == "too_many_sockets"
    assert "CLICKME_LIMIT_SOCKETS_PER_ADDRESS" in problem.value.message


def test_nobody_answers() -> None:
    with pytest.raises(Problem) as problem:
        load(Plan("http://127.0.0.1:1", players=5, seconds=60), quiet)
    assert problem.value.code == "no_answer"
