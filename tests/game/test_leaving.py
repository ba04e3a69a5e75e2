"""A server that is told to stop lets its rounds end, and sends its players elsewhere."""

import asyncio
import json
import signal
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from sqlalchemy import text
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin

from clickme.kit.house import House
from clickme.settings import Settings
from clickme.simulate.player import sign_up, sit_down
from conftest import RunningServer, add_images

SERVICE_RESTART = 1012  # a close code of the IANA registry for RFC 6455


async def ask(connection: ClientConnection, **frame: Any) -> dict[str, Any]:
    await connection.send(json.dumps(frame))
    answer: dict[str, Any] = json.loads(await connection.recv())
    return answer


async def dial(url: str) -> connect:
    async with httpx2.AsyncClient(base_url=url) as client:
        cookie = await sign_up(client)
    return connect(
        url.replace("http", "ws") + "/ws/play", origin=Origin(url), additional_headers={"Cookie": cookie}
    )


def test_a_server_told_to_stop_lets_its_rounds_end(serve: Callable[[], RunningServer], house: House) -> None:
    add_images(house, 2, class_index=7)  # no koalas: the partner will not name them
    server = serve()

    async def play() -> tuple[int, dict[str, Any], list[int | None]]:
        async with await dial(server.url) as painting, await dial(server.url) as idle:
            round_id = (await ask(painting, t="next"))["round"]
            await ask(painting, t="begin", round=round_id, pointer="mouse")
            await ask(idle, t="next")
            server.process.send_signal(signal.SIGTERM)
            # Nothing else is begun, and its own round goes on.
            while (await ask(painting, t="next")).get("code") != "restarting":
                pass
            acknowledged = (await ask(painting, t="bubbles", round=round_id, n=0, xyt=[9, 9, 0]))["n"]
            assert acknowledged == 1
            with pytest.raises(ConnectionClosed):
                await idle.recv()
            end = json.loads(await painting.recv())
            with pytest.raises(ConnectionClosed):
                await painting.recv()
            return round_id, end, [painting.close_code, idle.close_code]

    round_id, end, codes = asyncio.run(play())
    assert (end["outcome"], end["reason"]) == ("timeout", None)
    assert codes == [SERVICE_RESTART, SERVICE_RESTART]
    server.process.communicate()
    assert server.process.returncode == 0
    with house.database.transaction() as session:
        row = session.execute(text("SELECT outcome FROM rounds WHERE id = :id"), {"id": round_id}).one()
    assert row.outcome == "timeout"


def test_workers_serve_one_game_and_are_replaced_one_by_one(
    serve: Callable[..., RunningServer], house: House, settings: Settings
) -> None:
    add_images(house, 30)
    server = serve("--workers", "2")

    async def play() -> list[str]:
        painting = [asyncio.create_task(sit_down(server.url, range(2), seed=seed)) for seed in range(4)]
        await asyncio.sleep(0)
        server.process.send_signal(signal.SIGHUP)
        return [played.outcome for rounds in await asyncio.gather(*painting) for played in rounds]

    assert asyncio.run(play()) == ["recognised"] * 8
    metrics = httpx2.get(f"{server.url}/metrics").text
    assert 'clickme_rounds_total{outcome="recognised"}' in metrics
    assert server.stop() == 0
