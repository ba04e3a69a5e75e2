"""Whether a server lives and is ready, as those who look after it ask."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from clickme.app import create_app
from clickme.kit.database import Database
from clickme.kit.house import House
from clickme_partner.engine import Engine


def ask(house: House, partner: Engine, path: str) -> tuple[int, dict[str, object]]:
    with TestClient(create_app(house, partner)) as client:
        answer = client.get(path)
        return answer.status_code, answer.json()


def test_all_is_well(house: House, koala_partner: Engine) -> None:
    assert ask(house, koala_partner, "/livez") == (200, {"alive": True})
    status, said = ask(house, koala_partner, "/readyz")
    assert status == 200
    assert said == {
        "ready": True,
        "database": "ok",
        "redis": "ok",
        "partner": {"state": "ok", "reason": None},
    }


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
    status, said = ask(without, koala_partner, "/readyz")
    assert (status, said["ready"], said["database"], said["redis"]) == (503, False, "away", "ok")


def test_without_a_redis_it_is_not_ready(house: House, koala_partner: Engine) -> None:
    status, said = ask(replace(house, redis_url="redis://127.0.0.1:9/0"), koala_partner, "/readyz")
    assert (status, said["database"], said["redis"]) == (503, "ok", "away")
