"""Logs: JSON, one line an event, with request and round ids, and never who it was."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from clickme.app import create_app
from clickme.kit.house import House
from clickme.settings import Settings
from clickme_partner.engine import Engine
from conftest import RunningServer, add_images

NOTE = "Anna Karenina was here"
ADDRESS = "127.0.0.77"  # another end of the loopback: it is nowhere else in a line
FORGED = "forged.cookie-of-somebody"


def events(lines: str) -> list[dict[str, Any]]:
    """The events in what was logged. Every line is one."""
    found = [json.loads(line) for line in lines.splitlines()]
    for event in found:
        assert {"event", "level", "timestamp"} <= set(event)
    return found


ODDITIES = f"""
import logging, sys, warnings
import structlog
from clickme.kit.logs import set_up_logs

set_up_logs()
def fail(note):
    try:
        raise LookupError(f"nobody is called that\\nDETAIL: {{note}}")
    except LookupError as error:
        raise ValueError("it went wrong") from error
try:
    fail({NOTE!r})
except ValueError:
    structlog.get_logger().exception("failed", round=7, note={NOTE!r}, player=8)
    logging.getLogger("uvicorn.error").exception("Exception in ASGI application\\n%s", {NOTE!r})
warnings.warn("This will be gone.")
logging.getLogger("sqlalchemy.pool").warning("a connection is lost")
logging.getLogger("uvicorn.error").info('%s - "WebSocket /ws/play" [accepted]', {ADDRESS!r})
"""


def test_libraries_and_exceptions_are_lines_like_all_others_and_say_nothing_of_variables() -> None:
    done = subprocess.run([sys.executable, "-c", ODDITIES], capture_output=True, text=True, check=True)
    ours, uvicorn, warning, pool = events(done.stderr)
    assert (ours["event"], ours["level"], ours["round"]) == ("failed", "error", 7)
    assert [raised["exc_type"] for raised in ours["exception"]] == ["ValueError", "LookupError"]
    assert ours["exception"][0]["exc_value"] == "it went wrong"
    assert ours["exception"][1]["frames"][0]["name"] == "fail"
    assert (uvicorn["event"], uvicorn["logger"]) == ("Exception in ASGI application", "uvicorn.error")
    assert uvicorn["exception"] == ours["exception"]
    assert "This will be gone." in warning["event"]
    assert (pool["event"], pool["level"]) == ("a connection is lost", "warning")
    assert NOTE not in done.stderr
    assert ADDRESS not in done.stderr


async def say(connection: ClientConnection, **frame: Any) -> dict[str, Any]:
    await connection.send(json.dumps(frame))
    while (answer := json.loads(await connection.recv()))["t"] == "ack":
        pass
    told: dict[str, Any] = answer
    return told


async def play(url: str) -> tuple[set[str], set[int]]:
    """Rounds with all that may go wrong about them: who it was that played, in words, and which rounds."""
    transport = httpx2.AsyncHTTPTransport(local_address=ADDRESS)
    async with httpx2.AsyncClient(base_url=url, transport=transport) as client:
        version = (await client.get("/api/consent")).json()["version"]
        player = (await client.post("/api/players", json={"consent": version})).json()
        cookie = client.cookies["clickme_session"]
        await client.get("/api/rounds/0")
        await client.get("/nothing")
        await client.post("/api/players", json={"consent": NOTE})
    with pytest.raises(InvalidStatus, match="403"):
        async with dial(url, FORGED):
            pass
    async with dial(url, cookie) as connection:
        await say(connection, t=NOTE)
        rounds = set()
        for reason in ("other", "label"):
            round_id = (await say(connection, t="next"))["round"]
            await say(connection, t="begin", round=round_id, pointer="mouse")
            told: dict[str, Any] = {}
            while told.get("t") != "end":
                told = await say(connection, t="flag", round=round_id, reason=reason, note=NOTE)
            rounds.add(round_id)
    return {player["name"], cookie, NOTE, ADDRESS, FORGED}, rounds


def dial(url: str, cookie: str) -> connect:
    return connect(
        url.replace("http", "ws") + "/ws/play",
        origin=Origin(url),
        additional_headers={"Cookie": f"clickme_session={cookie}"},
        local_addr=(ADDRESS, 0),
    )


# Postgres refuses the first two notes, and quotes them as it does with what breaks a constraint.
REFUSE = """
CREATE SEQUENCE refusals;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('refusals') <= 2 THEN
        RAISE EXCEPTION 'flags_note_check' USING
            ERRCODE = 'check_violation', DETAIL = 'Failing row contains ' || NEW.note;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON flags FOR EACH ROW EXECUTE FUNCTION refuse();
"""


def test_whoever_plays_and_whatever_goes_wrong_no_line_says_who_it_was(
    serve: Callable[[], RunningServer], house: House, capfd: pytest.CaptureFixture[str]
) -> None:
    add_images(house, 3, class_index=7)
    with house.database.transaction() as session:
        session.execute(text(REFUSE))
    server = serve()
    personal, rounds = asyncio.run(play(server.url))
    server.stop()

    with house.database.transaction() as session:
        assert session.scalars(text("SELECT DISTINCT note FROM flags")).all() == [NOTE]
    lines = capfd.readouterr().err
    logged = events(lines)
    assert [word for word in personal if word in lines] == []
    assert not any({"player", "address", "cookie", "note", "name"} & set(event) for event in logged)
    failures = [event for event in logged if event["level"] == "error"]
    assert any("CheckViolation" in str(event) for event in failures)
    assert {event["round"] for event in failures if "round" in event} <= rounds


def test_every_answer_has_an_id(client: TestClient) -> None:
    first, second = (client.get("/api/consent").headers["x-request-id"] for _ in range(2))
    assert len(first) == 32
    assert first != second


@pytest.mark.parametrize("given", ["of-the-proxy_1.2", "short", "with space", "x" * 65])
@pytest.mark.parametrize("trusted", ["127.0.0.0/8", "192.0.2.0/24"])
def test_an_id_is_taken_over_from_a_trusted_proxy_alone(
    house: House, koala_partner: Engine, trusted: str, given: str
) -> None:
    settings = Settings.model_validate(house.settings.model_dump() | {"trusted_proxies": trusted})
    app = create_app(replace(house, settings=settings), koala_partner)
    with TestClient(app, client=("127.0.0.1", 50000)) as client:
        answer = client.get("/livez", headers={"X-Request-ID": given, "X-Forwarded-For": "198.51.100.7"})
    is_taken = trusted.startswith("127") and given.startswith("of")
    assert (answer.headers["x-request-id"] == given) == is_taken


def test_what_is_logged_for_a_request_has_its_id(
    client: TestClient, house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    with house.database.transaction() as session:
        session.execute(text("ALTER TABLE players RENAME TO players_away"))
    version = client.get("/api/consent").json()["version"]
    capsys.readouterr()
    answer = client.post("/api/players", json={"consent": version})
    assert answer.status_code == 503
    logged = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (away,) = [event for event in logged if event["event"] == "database_away"]
    assert away["request"] == answer.headers["x-request-id"]
