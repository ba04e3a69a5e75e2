"""Consent, the session, oneself: as a program meets them."""

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from clickme.kit.database import Database
from clickme.kit.house import House
from clickme.players.names import COMPANIONS, MANNERS, new_name


def agree(client: TestClient) -> dict[str, object]:
    version = client.get("/api/consent").json()["version"]
    answer = client.post("/api/players", json={"consent": version})
    assert answer.status_code == 201
    player: dict[str, object] = answer.json()
    return player


def players(house: House) -> int:
    with house.database.transaction() as session:
        return session.scalar(text("SELECT count(*) FROM players")) or 0


def test_the_consent_has_a_version_a_title_and_a_text(client: TestClient) -> None:
    assert set(client.get("/api/consent").json()) == {"version", "title", "text"}


@pytest.mark.parametrize("body", [{}, {"consent": "yes"}, {"consent": ""}, {"consent": 1}, [], None])
def test_without_the_consent_in_force_nothing_is_recorded(
    client: TestClient, house: House, body: object
) -> None:
    answer = client.post("/api/players", json=body)
    assert answer.status_code == 422
    assert set(answer.json()["error"]) == {"code", "message"}
    assert not client.cookies
    assert players(house) == 0


def test_who_agrees_becomes_a_player_with_a_name(client: TestClient, house: House) -> None:
    player = agree(client)
    me = client.get("/api/me").json()
    assert me == {"player": player["player"], "name": player["name"], "total": 0.0, "rank": 1}
    with house.database.transaction() as session:
        row = session.execute(text("SELECT name, consent_version, consented_at FROM players")).one()
    assert (row.name, row.consent_version) == (
        player["name"],
        client.get("/api/consent").json()["version"],
    )
    assert row.consented_at is not None


def test_the_cookie_is_closed_to_scripts_and_other_sites(client: TestClient) -> None:
    version = client.get("/api/consent").json()["version"]
    cookie = client.post("/api/players", json={"consent": version}).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_a_forged_cookie_is_nobody(client: TestClient) -> None:
    agree(client)
    genuine = client.cookies["clickme_session"]
    number, rest = genuine.split(".", 1)
    for forged in (
        f"{int(number) + 1}.{rest}",
        genuine[:-5] + ("A" if genuine[-5] != "A" else "B") + genuine[-4:],
        "1",
    ):
        client.cookies.clear()
        answer = client.get("/api/me", headers={"cookie": f"clickme_session={forged}"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "consent_needed")


@pytest.mark.parametrize(
    "origin",
    [
        "http://elsewhere.example",
        "null",
        "http://testserver.elsewhere.example",
        "http://[",
        "ftp://testserver",
    ],
)
def test_another_sites_page_can_change_nothing(client: TestClient, house: House, origin: str) -> None:
    version = client.get("/api/consent").json()["version"]
    answer = client.post("/api/players", json={"consent": version}, headers={"origin": origin})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "foreign_origin")
    assert players(house) == 0


def test_a_large_body_is_refused_unread(client: TestClient, house: House) -> None:
    body = b'{"consent": "' + b"x" * 70_000 + b'"}'
    for content in (body, iter([body[:30_000], body[30_000:]])):  # with its length said, and in pieces
        answer = client.post("/api/players", content=content)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert players(house) == 0


def test_a_database_that_is_away_is_said_so(client: TestClient, house: House) -> None:
    agree(client)
    object.__setattr__(house, "database", Database("postgresql://nobody@127.0.0.1:1/nothing"))
    answer = client.get("/api/me")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "database_away")
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_an_address_can_sign_up_only_so_often(client: TestClient, house: House) -> None:
    version = client.get("/api/consent").json()["version"]
    limit = int(house.settings.limits.sign_ups.split("/")[0])
    answers = [client.post("/api/players", json={"consent": version}) for _ in range(limit + 1)]
    assert [answer.status_code for answer in answers] == [201] * limit + [429]
    assert answers[-1].json()["error"]["code"] == "too_many_sign_ups"


def test_every_answer_carries_the_strict_policy(client: TestClient) -> None:
    for path in ("/", "/credits", "/static/play.js", "/api/consent", "/nowhere"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_a_wrong_address_is_a_page_for_people_and_a_code_for_programs(client: TestClient) -> None:
    page = client.get("/nowhere", headers={"accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    answer = client.get("/nowhere")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_errors_are_counted_by_their_code(client: TestClient) -> None:
    def count() -> float:
        lines = client.get("/metrics/").text.splitlines()
        wanted = 'clickme_errors_total{code="consent_needed"} '
        return sum(float(line.removeprefix(wanted)) for line in lines if line.startswith(wanted))

    before = count()
    client.get("/api/me")
    assert count() == before + 1


def test_names_are_readable_and_many() -> None:
    names = {new_name() for _ in range(1000)}
    assert len(names) > 990
    for name in names:
        manner, companion, number = name.split("-")
        assert manner in MANNERS
        assert companion in COMPANIONS
        assert len(number) == 4
