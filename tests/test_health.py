"""Whether a server lives and is ready, as those who look after it ask."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import make_url, text

from clickme.app import create_app
from clickme.kit import maintenance
from clickme.kit.database import Database
from clickme.kit.house import House
from clickme_partner.engine import Engine

OK = {"state": "ok", "reason": None}
AWAY = {"state": "away", "reason": "unreachable"}
UNKNOWN = {"state": "unknown", "reason": None}


def ask(house: House, partner: Engine, path: str = "/readyz") -> tuple[int, dict[str, Any]]:
    with TestClient(create_app(house, partner)) as client:
        answer = client.get(path)
        return answer.status_code, answer.json()


def test_all_is_well(house: House, koala_partner: Engine) -> None:
    assert ask(house, koala_partner, "/livez") == (200, {"alive": True})
    assert ask(house, koala_partner) == (
        200,
        {
            "ready": True,
            "server": OK,
            "database": OK,
            "redis": OK,
            "partner": OK,
            "disk": OK,
            "maintenance": {"state": "off", "reason": None},
        },
    )


@pytest.fixture
def lost() -> Iterator[Database]:
    """A database at an address where nobody is."""
    database = Database("postgresql+psycopg2://nobody@127.0.0.1:9/nothing")
    yield database
    database.close()


def test_without_a_database_it_lives_and_is_not_ready(
    house: House, koala_partner: Engine, lost: Database
) -> None:
    without = replace(house, database=lost)
    assert ask(without, koala_partner, "/livez")[0] == 200
    status, said = ask(without, koala_partner)
    assert (status, said["ready"]) == (503, False)
    assert (said["database"], said["redis"], said["maintenance"]) == (AWAY, OK, UNKNOWN)


def test_a_database_that_cannot_be_written_to_is_of_no_use(house: House, koala_partner: Engine) -> None:
    name = make_url(house.database.url).database
    with house.database.transaction() as session:
        session.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    status, said = ask(house, koala_partner)
    assert (status, said["database"]) == (503, {"state": "away", "reason": "read_only"})


def test_without_a_redis_the_game_goes_on(house: House, koala_partner: Engine) -> None:
    status, said = ask(replace(house, redis_url="redis://127.0.0.1:9/0"), koala_partner)
    assert (status, said["ready"], said["redis"], said["database"]) == (200, True, AWAY, OK)


@pytest.fixture
def silence() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield listening.getsockname()[1]


def test_what_hangs_holds_up_neither_the_answer_nor_the_others(
    house: House, koala_partner: Engine, silence: int
) -> None:
    hanging = Database(f"postgresql+psycopg2://nobody@127.0.0.1:{silence}/nothing")
    status, said = ask(
        replace(house, database=hanging, redis_url=f"redis://127.0.0.1:{silence}/0"), koala_partner
    )
    assert status == 503
    assert (said["database"]["state"], said["redis"]) == ("away", {"state": "away", "reason": "slow"})
    assert said["disk"] == OK
    hanging.close()


def test_a_disk_that_is_nearly_full_takes_no_more_players(house: House, koala_partner: Engine) -> None:
    full = replace(house, settings=house.settings.model_copy(update={"disk_floor_bytes": 2**62}))
    status, said = ask(full, koala_partner)
    assert (status, said["disk"]) == (503, {"state": "low", "reason": "floor"})


def test_a_server_that_was_told_to_stop_is_not_ready(house: House, koala_partner: Engine) -> None:
    app = create_app(house, koala_partner)
    with TestClient(app) as client:
        app.state.draining = True
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["server"]) == (503, {"state": "draining", "reason": None})
    assert answer.json()["database"] == OK


def test_maintenance_is_said_and_is_no_fault(house: House, koala_partner: Engine) -> None:
    with house.database.transaction() as session:
        maintenance.begin(session, "Back at noon.")
    status, said = ask(house, koala_partner)
    assert (status, said["maintenance"]) == (200, {"state": "on", "reason": "Back at noon."})
