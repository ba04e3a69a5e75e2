"""Promises 2 and 5 across the death of a server: a real process, a real socket, SIGKILL."""

import asyncio
import json
import signal
from collections.abc import Callable
from typing import Any

import httpx2
from sqlalchemy import text
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from clickme.kit.house import House
from clickme.simulate.player import sign_up
from conftest import RunningServer, add_images


async def say(connection: ClientConnection, **frame: Any) -> dict[str, Any]:
    await connection.send(json.dumps(frame))
    answer: dict[str, Any] = json.loads(await connection.recv())
    return answer


def dial(server: RunningServer, cookie: str) -> connect:
    return connect(
        server.url.replace("http", "ws") + "/ws/play",
        origin=Origin(server.url),
        additional_headers={"Cookie": cookie},
    )


def test_a_killed_server_loses_nothing_and_its_round_ends_once(
    serve: Callable[[], RunningServer], house: House
) -> None:
    add_images(house, 2, class_index=7)  # no koalas: the partner will not name them

    async def play() -> tuple[int, int, dict[str, Any], dict[str, Any]]:
        server = serve()
        async with httpx2.AsyncClient(base_url=server.url) as client:
            cookie = await sign_up(client)
        async with dial(server, cookie) as connection:
            round_id = (await say(connection, t="next"))["round"]
            await say(connection, t="begin", round=round_id, pointer="touch")
            acknowledged = 0
            while acknowledged < 12:
                xyt = [100, 100, 50 * acknowledged, 101, 100, 50 * acknowledged + 50]
                answer = await say(connection, t="bubbles", round=round_id, n=acknowledged, xyt=xyt)
                acknowledged = answer["n"]
            server.stop(signal.SIGKILL)
        async with dial(serve(), cookie) as connection:
            resumed = await say(connection, t="resume", round=round_id)
            end = resumed if resumed["t"] == "end" else json.loads(await connection.recv())
            again = await say(connection, t="resume", round=round_id)
            await say(connection, t="next")
        return round_id, acknowledged, end, again

    round_id, acknowledged, end, again = asyncio.run(play())
    assert end["outcome"] == "timeout"
    assert again["t"] in ("end", "resumed")  # of a round that ended a moment ago, late bubbles are welcome
    with house.database.transaction() as session:
        row = session.execute(text("SELECT * FROM rounds WHERE id = :id"), {"id": round_id}).mappings().one()
        kept = session.execute(
            text("SELECT x, y, t_ms FROM bubbles WHERE round_id = :id ORDER BY n"), {"id": round_id}
        ).all()
        assert session.scalar(text("SELECT sum(maps) FROM images")) == 1
        assert session.scalar(text("SELECT sum(points) FROM players")) == 0
    assert [tuple(bubble) for bubble in kept] == [(100 + i % 2, 100, 50 * i) for i in range(acknowledged)]
    assert (row["outcome"], row["points"]) == ("timeout", 0.0)
    assert (row["ended_at"] - row["begun_at"]).total_seconds() >= 7.0


def test_a_server_told_to_stop_leaves_cleanly(serve: Callable[[], RunningServer], house: House) -> None:
    add_images(house, 1)
    server = serve()
    assert house.home.address.read_text() == server.url
    assert server.stop(signal.SIGTERM) == 0
    assert not house.home.address.exists()
