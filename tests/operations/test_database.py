"""`clickme db status` and `clickme db run`: what Postgres's books say, and Postgres's own programs."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from clickme.kit.house import House
from clickme.operations.figures import (
    Activity,
    Figures,
    Safety,
    Stretch,
    TableSize,
    days,
    figures,
    first_round,
)
from clickme.operations.programs import surroundings
from clickme.operations.report import lines, size
from clickme.operations.verdicts import verdicts
from clickme.settings import Settings
from conftest import add_images
from in_process import clickme
from made_up import add_player, add_round


@pytest.fixture
def image(house: House) -> int:
    return add_images(house, 1)[0]


def rounds(
    house: House, image: int, ago: timedelta, number: int, *, outcome: str | None = "timeout"
) -> list[int]:
    """Rounds of three bubbles that began so long ago, each of a player of its own."""
    moment = datetime.now(UTC) - ago
    with house.database.transaction() as session:
        return [
            add_round(
                session,
                add_player(session, f"{ago} {outcome} {n}"),
                image,
                outcome,
                [(1, 2, 0), (3, 4, 50), (5, 6, 100)],
                begun_at=moment,
                dealt_at=moment,
            )
            for n in range(number)
        ]


def test_figures_of_a_house_in_use(house: House, image: int) -> None:
    rounds(house, image, timedelta(days=30), 4)
    rounds(house, image, timedelta(days=2), 2, outcome="recognised")
    rounds(house, image, timedelta(seconds=3), 1, outcome=None)
    with house.database.transaction() as session:
        session.execute(text("ANALYZE"))
    with house.database.transaction() as session:
        session.execute(text("SELECT 1"))
        found = figures(house.database)  # this transaction is the longest
        newest = session.scalar(text("SELECT max(id) FROM rounds"))

    assert found.revision == found.expected_revision
    assert found.newest_round == newest
    sizes = {table.name: table for table in found.tables}
    assert sizes["rounds"].rows == 7
    assert sizes["categories"].rows == 1000
    assert sizes["bubble_batches"].rows == 7
    assert sizes["bubble_batches"].stretches == len(found.stretches) == 2
    assert sum(stretch.rows for stretch in found.stretches) == 7
    assert [stretch.first for stretch in found.stretches] == [None, found.stretches[0].end]
    assert 0 < sum(stretch.bytes for stretch in found.stretches) < found.bytes
    assert found.days is not None
    assert [(day.rounds, day.recognised, day.bubbles) for day in found.days] == [(1, 0, 3), (2, 2, 6)]
    assert found.activity.rounds_running == 1
    assert 2 < found.activity.oldest_round_s < 60
    assert found.activity.longest_transaction_s > 0
    assert 1 <= found.activity.connections < found.activity.most_connections
    assert set(found.safety.settings) == {"fsync", "synchronous_commit", "full_page_writes"}


def test_the_first_round_of_the_last_days_is_found_across_gaps(house: House, image: int) -> None:
    with house.database.transaction() as session:
        assert days(session) == []
    old = rounds(house, image, timedelta(days=8), 3)
    with house.database.transaction() as session:
        session.execute(text("SELECT setval('rounds_id_seq', 1000)"))
    new = rounds(house, image, timedelta(days=6), 3)
    with house.database.transaction() as session:
        assert old[-1] < first_round(session) <= new[0]
        counted = days(session)
    assert counted is not None
    assert sum(day.rounds for day in counted) == 3


def test_what_takes_too_long_to_count_is_left_out(house: House, image: int) -> None:
    rounds(house, image, timedelta(days=1), 1)
    with house.database.transaction() as session:
        session.execute(text("SET LOCAL lock_timeout = '20ms'"))
        with house.database.transaction() as busy:
            busy.execute(text("LOCK TABLE bubble_batches IN ACCESS EXCLUSIVE MODE"))
            assert days(session) is None
        assert session.scalar(text("SELECT 1")) == 1


def made_up() -> Figures:
    """A database that is well."""
    return Figures(
        at=datetime(2026, 11, 1, 12, tzinfo=UTC),
        server="18.1",
        revision="0006",
        expected_revision="0006",
        bytes=12_345_678,
        newest_round=150_000,
        tables=[TableSize("rounds", 150_000, 100, 9_000_000, None, 0)],
        stretches=[
            Stretch("bubble_batches_to_100000", None, 100_000, 7_000_000, 700_000_000),
            Stretch("bubble_batches_to_200000", 100_000, 200_000, 3_500_000, 350_000_000),
        ],
        days=[],
        activity=Activity(20, 100, 0.5, 3, 6.5, 0),
        safety=Safety(
            {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"},
            "on",
            datetime(2026, 11, 1, 11, 59, tzinfo=UTC),
            archive_failed=False,
            standbys=1,
            damaged_pages=0,
            transaction_age=200_000_000,
        ),
    )


Change = Callable[[Figures], Figures]
OFF = dict.fromkeys(("fsync", "synchronous_commit", "full_page_writes"), "off")


def safety(**changes: Any) -> Change:
    return lambda found: replace(found, safety=replace(found.safety, **changes))


def activity(**changes: Any) -> Change:
    return lambda found: replace(found, activity=replace(found.activity, **changes))


def test_all_is_well() -> None:
    assert all(verdict.well for verdict in verdicts(made_up()))


@pytest.mark.parametrize(
    ("change", "about", "says"),
    [
        (safety(settings=OFF), "durability", "fsync and synchronous_commit and full_page_writes"),
        (safety(damaged_pages=1), "pages", "1 pages"),
        (lambda found: replace(found, revision="0001"), "tables", "db migrate"),
        (lambda found: replace(found, newest_round=199_999), "room", "0 more rounds"),
        (lambda found: replace(found, stretches=[]), "room", "0 more rounds"),
        (activity(oldest_round_s=400.0), "rounds", "400 s"),
        (activity(connections=90), "connections", "90 of 100"),
        (activity(longest_transaction_s=3600.0), "transactions", "3,600 s"),
        (
            lambda found: replace(found, tables=[TableSize("rounds", 20_000, 20_000, 1, None, 0)]),
            "vacuum",
            "rounds",
        ),
        (safety(transaction_age=1_500_000_000), "transaction numbers", "FREEZE"),
        (safety(archive_failed=True), "archive", "failed"),
    ],
)
def test_what_wants_looking_after_is_said(change: Change, about: str, says: str) -> None:
    bad = [verdict for verdict in verdicts(change(made_up())) if not verdict.well]
    assert [verdict.about for verdict in bad] == [about]
    assert says in bad[0].says


def test_without_copies_that_is_said_and_is_no_fault() -> None:
    judged = verdicts(safety(archive_mode="off", archived_at=None, standbys=0)(made_up()))
    assert all(verdict.well for verdict in judged)
    assert any("No archive and no standby" in verdict.says for verdict in judged)


def test_the_report_is_in_columns() -> None:
    found = made_up()
    said = list(lines(found, verdicts(found)))
    assert said[0] == "PostgreSQL 18.1, tables at version 0006, 12.3 MB"
    assert "rounds      150,000  9.0 MB" in said
    assert "rounds 100,000 to 199,999  " in "\n".join(said)
    assert sum(line.startswith("ok") for line in said) == len(verdicts(found))


@pytest.mark.parametrize(
    ("number", "shown"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (10**15, "1,000.0 TB")]
)
def test_sizes(number: int, shown: str) -> None:
    assert size(number) == shown


@pytest.mark.usefixtures("home")
def test_the_command_says_it_to_people_and_to_programs() -> None:
    done = clickme("db", "status")
    assert done.stdout.startswith("PostgreSQL ")
    assert done.returncode == 0, done.stdout
    told = json.loads(clickme("db", "status", "--json").stdout)
    assert {"server", "bytes", "tables", "stretches", "days", "activity", "safety", "checks"} <= set(told)
    assert all(check["well"] for check in told["checks"])


@pytest.mark.usefixtures("home")
def test_the_command_leaves_with_1_where_something_wants_looking_after(house: House, image: int) -> None:
    rounds(house, image, timedelta(hours=1), 1, outcome=None)
    done = clickme("db", "status")
    assert done.returncode == 1
    assert "LOOK  rounds: A round has run for" in done.stdout


@pytest.mark.usefixtures("home", "house")
def test_a_program_finds_the_database_and_its_status_is_the_commands(
    capfd: pytest.CaptureFixture[str],
) -> None:
    question = "SELECT count(*) FROM categories"
    done = clickme("db", "run", "psql", "--no-align", "--tuples-only", "--command", question)
    assert (done.returncode, capfd.readouterr().out) == (0, "1000\n")
    assert clickme("db", "run", "sh", "-c", "exit 7").returncode == 7
    lost = clickme("db", "run", "nothing-like-it")
    assert lost.returncode == 1
    assert lost.stderr.startswith("clickme: nothing-like-it cannot be run: ")


def test_an_embedded_database_is_looked_at_with_the_programs_of_its_version(tmp_path: Path) -> None:
    with surroundings(settings=Settings(home=tmp_path / "home", database_url=None)) as environment:

        def said(*command: str) -> str:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            return done.stdout.strip()

        server = said("psql", "--no-align", "--tuples-only", "--command", "SHOW server_version")
        assert server in said("pg_dump", "--version")
