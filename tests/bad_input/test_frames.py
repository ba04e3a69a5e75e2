"""100,000 frames of every kind over many sockets of a real server, and a player who notices nothing."""

import asyncio
from collections import Counter
from collections.abc import Callable

import httpx2
import psutil
import pytest
from sqlalchemy import text
from websockets.asyncio.client import connect
from websockets.typing import Origin

from bad_input.frames import Frames
from bad_input.listening import MOST_BUBBLES, Honest, Rowdy, stroke
from clickme.kit.house import House
from clickme.simulate.player import sign_up
from conftest import RunningServer, add_images
from game.connection import kept

PLAYERS = 20
SOCKETS = 2  # of each player: their windows take rounds over from each other
WARM_UP, FLOOD = 1_000, 1_500  # frames over each socket: 100,000 over all
GROWTH = 48 * 2**20  # bytes: a leak of 1 KB a frame would be more
PATIENCE = 60  # s, for rounds to end after the last frame


def dial(server: RunningServer, cookie: str) -> connect:
    return connect(
        server.url.replace("http", "ws") + "/ws/play",
        origin=Origin(server.url),
        additional_headers={"Cookie": cookie},
        compression=None,
        ping_interval=None,
        max_queue=None,
    )


@pytest.fixture
def no_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every frame is read and done: what is refused unread shows nothing."""
    for limit, value in {
        "FRAMES": "5000",
        "SOCKET_ERRORS": "1000000",
        "BEGINS": "100000/minute",
        "FLAGS": "100000/hour",
    }.items():
        monkeypatch.setenv(f"CLICKME_LIMIT_{limit}", value)


@pytest.mark.usefixtures("no_limits")
def test_a_flood_of_bad_frames_harms_nobody(serve: Callable[[], RunningServer], house: House) -> None:
    add_images(house, 50, class_index=7)  # no koalas: the partner names nothing else
    server = serve()
    process = psutil.Process(server.process.pid)

    async def cookies() -> list[str]:
        async with httpx2.AsyncClient(base_url=server.url) as client:
            return [await sign_up(client) for _ in range(PLAYERS + 1)]

    async def flood() -> tuple[Honest, list[Rowdy], int]:
        mine, *theirs = await cookies()
        honest = Honest(await dial(server, mine))
        rowdies = [
            Rowdy(await dial(server, cookie), Frames(seed)) for seed, cookie in enumerate(theirs * SOCKETS)
        ]
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for player in (honest, *rowdies):
                group.create_task(player.listen())
            playing = group.create_task(honest.play(over))
            await asyncio.gather(*(rowdy.send(WARM_UP) for rowdy in rowdies))
            before = process.memory_info().rss
            await asyncio.gather(*(rowdy.send(FLOOD) for rowdy in rowdies))
            growth = process.memory_info().rss - before
            over.set()
            await playing
            for player in (honest, *rowdies):
                await player.leave()
        return honest, rowdies, growth

    honest, rowdies, growth = asyncio.run(flood())
    assert process.is_running()
    assert httpx2.get(f"{server.url}/livez").status_code == 200
    assert 'clickme_errors_total{code="internal"}' not in httpx2.get(f"{server.url}/metrics").text
    assert growth < GROWTH

    heard = sum((rowdy.heard for rowdy in rowdies), Counter[str]())
    assert heard["too_many_frames"] == heard["not_stored"] == 0
    assert {"ack", "begun", "end", "round", "resumed"} <= set(heard)
    assert {"not_text", "frame_too_large", "not_json", "unknown_type", "bad_frame"} <= set(heard)
    assert {"off_canvas", "backwards", "too_fast", "gap", "no_such_round", "taken_over"} <= set(heard)

    assert honest.errors == []
    assert honest.ends and set(honest.ends.values()) == {1}
    assert honest.begun == set(honest.ends)
    for round_id in honest.begun:
        assert honest.kept[round_id] == MOST_BUBBLES
        assert kept(house, round_id) == stroke(0, MOST_BUBBLES)
    assert_rounds_ended_once(house)


def assert_rounds_ended_once(house: House) -> None:
    asyncio.run(nothing_runs(house))
    with house.database.transaction() as session:
        assert (session.scalar(text("SELECT count(*) FROM rounds WHERE begun_at IS NOT NULL")) or 0) > PLAYERS
        paid = session.execute(
            text("SELECT (SELECT sum(points) FROM players), (SELECT coalesce(sum(points), 0) FROM rounds)")
        ).one()
        assert paid[0] == pytest.approx(paid[1])
        maps = session.execute(
            text(
                "SELECT (SELECT sum(maps) FROM images), (SELECT count(*) FROM rounds WHERE outcome IN "
                "('recognised', 'timeout') AND id IN (SELECT round_id FROM bubble_batches))"
            )
        ).one()
        assert maps[0] == maps[1]


async def nothing_runs(house: House) -> None:
    """Return once every round that has begun has ended."""

    def running() -> int:
        with house.database.transaction() as session:
            query = "SELECT count(*) FROM rounds WHERE begun_at IS NOT NULL AND ended_at IS NULL"
            return session.scalar(text(query)) or 0

    async with asyncio.timeout(PATIENCE):
        while running():
            await asyncio.sleep(0.2)
