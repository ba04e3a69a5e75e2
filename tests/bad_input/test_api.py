"""Schemathesis over the whole OpenAPI document, on a real server: what it says is what is done."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Origin

from clickme.kit.house import House
from clickme.players.session import COOKIE
from clickme.simulate.player import sign_up
from conftest import RunningServer, add_images

# Who asks. And the one rule that no schema can say: a contest is asked for with scope=contest.
CONFIG = """\
[auth.openapi.APIKeyCookie]
api_key = "{session}"

[[operations]]
include-path = "/api/leaderboard"
[operations.checks]
positive_data_acceptance.enabled = false
"""


async def a_player(url: str) -> str:
    """The session of one who has begun a round, the first of all."""
    async with httpx2.AsyncClient(base_url=url) as client:
        cookie = await sign_up(client)
    socket = url.replace("http", "ws") + "/ws/play"
    async with connect(socket, origin=Origin(url), additional_headers={"Cookie": cookie}) as connection:
        await connection.send('{"t":"next"}')
        round_id = json.loads(await connection.recv())["round"]
        await connection.send(json.dumps({"t": "begin", "round": round_id, "pointer": "mouse"}))
        await connection.recv()
    return cookie.removeprefix(f"{COOKIE}=")


def test_every_address_does_what_its_document_says(
    serve: Callable[[], RunningServer], house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No 5xx, no status, content type or form of an answer that is not in the document, whatever is asked."""
    monkeypatch.setenv("CLICKME_LIMIT_SIGN_UPS", "100000/minute")
    add_images(house, 2)
    server = serve()
    session = asyncio.run(a_player(server.url))
    (tmp_path / "schemathesis.toml").write_text(CONFIG.format(session=session))
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "run",
        f"{server.url}/openapi.json",
        *("--seed", "1"),
        *("--max-examples", "100"),
        "--no-color",
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert httpx2.get(f"{server.url}/livez").status_code == 200
