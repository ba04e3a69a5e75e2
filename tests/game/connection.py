"""A player's connection to the whole application, as a program has it; and what the database then holds."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import text
from starlette.testclient import WebSocketTestSession

from clickme.kit.house import House

ORIGIN = {"origin": "http://testserver"}


class Browser:
    """One player's connection."""

    def __init__(self, websocket: WebSocketTestSession) -> None:
        self.websocket = websocket

    def say(self, **frame: Any) -> None:
        self.websocket.send_text(json.dumps(frame))

    def hear(self) -> dict[str, Any]:
        message: dict[str, Any] = self.websocket.receive_json()
        return message

    def ask(self, **frame: Any) -> dict[str, Any]:
        self.say(**frame)
        return self.hear()

    def begin(self) -> int:
        """A new round, begun."""
        round_id: int = self.ask(t="next")["round"]
        assert self.ask(t="begin", round=round_id, pointer="mouse") == {"t": "begun", "round": round_id}
        return round_id


def sign_up(client: TestClient) -> None:
    client.cookies.clear()
    version = client.get("/api/consent").json()["version"]
    assert client.post("/api/players", json={"consent": version}).status_code == 201


@contextmanager
def connected(client: TestClient) -> Iterator[Browser]:
    with client.websocket_connect("/ws/play", headers=ORIGIN) as websocket:
        yield Browser(websocket)


def line(first: int, count: int) -> list[int]:
    """`count` bubbles of a horizontal line, from the `first` on: x, y, t."""
    return [part for i in range(first, first + count) for part in (40 + 7 * min(i, 25), 128, 50 * i)]


def kept(house: House, round_id: int) -> list[int]:
    with house.database.transaction() as session:
        rows = session.execute(
            text("SELECT x, y, t_ms FROM bubbles WHERE round_id = :id ORDER BY n"), {"id": round_id}
        )
        return [part for row in rows for part in row]


def round_row(house: House, round_id: int) -> dict[str, Any]:
    with house.database.transaction() as session:
        row = session.execute(text("SELECT * FROM rounds WHERE id = :id"), {"id": round_id})
        return dict(row.mappings().one())
