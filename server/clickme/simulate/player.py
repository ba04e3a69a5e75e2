"""A player made of code, who comes in by the same door as people: consent, session, socket, brush."""

import asyncio
import io
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Origin

from clickme.game.rules import Rules
from clickme.kit.home import open_home
from clickme.kit.problems import Problem
from clickme.settings import Settings
from clickme.simulate.strokes import Point, Strategy, follow, spiral

TICKS_A_BATCH = 2  # as the page does: a frame each 100 ms
EXPECTED = ("no_photographs", "round_over")  # errors that a player does nothing wrong to hear


@dataclass
class Played:
    """One round as its player saw it. `points` in [0, 1]."""

    round: int
    sent: int = 0
    acknowledged: int = 0
    outcome: str = ""
    points: float = 0.0


def running_at(root: Path | None) -> str:
    """The address of the server that runs in a home. Problem `no_server` if none does."""
    home = open_home(root or Settings().home)
    try:
        return home.address.read_text()
    except FileNotFoundError:
        raise Problem(
            "no_server",
            f"No server runs in {home.root}. Start one with `clickme play`, or name one with --url.",
        ) from None


async def sit_down(
    url: str, rounds: Iterable[int], seed: int = 0, strategy: Strategy = spiral
) -> list[Played]:
    """Become a player at `url` and play. Fewer rounds come back when there are no more photographs."""
    try:
        async with httpx2.AsyncClient(base_url=url) as client:
            headers = {"Cookie": await sign_up(client)}
            socket = url.replace("http", "ws", 1) + "/ws/play"
            async with connect(socket, origin=Origin(url), additional_headers=headers) as connection:
                chance = random.Random(seed)  # noqa: S311 - strokes are no secret
                player = CodePlayer(connection, client, chance, strategy)
                return [played for _ in rounds if (played := await player.play()) is not None]
    except (OSError, httpx2.HTTPError, WebSocketException) as error:
        raise Problem("no_answer", f"The server at {url} does not play along: {error}") from None


async def sign_up(client: httpx2.AsyncClient) -> str:
    """The session cookie of a new player; the client keeps it too."""
    version = (await client.get("/api/consent")).raise_for_status().json()["version"]
    answer = (await client.post("/api/players", json={"consent": version})).raise_for_status()
    return "; ".join(f"{name}={value}" for name, value in answer.cookies.items())


class CodePlayer:
    """Paints where its strategy leads, one bubble a tick, until the round ends."""

    def __init__(
        self,
        connection: ClientConnection,
        client: httpx2.AsyncClient,
        chance: random.Random,
        strategy: Strategy,
    ) -> None:
        self.connection = connection
        self.client = client
        self.chance = chance
        self.strategy = strategy
        self.played: dict[int, Played] = {}

    async def play(self) -> Played | None:
        """One round; None when there is no photograph left."""
        await self._send(t="next")
        dealt = await self._hear("round", "error")
        if dealt["t"] == "error":
            return None
        played = self.played[dealt["round"]] = Played(dealt["round"])
        rules = Rules(**dealt["rules"])
        cursors = self.strategy(rules, await self._look(dealt["image"]), self.chance)
        await self._send(t="begin", round=played.round, pointer="mouse")
        painting = asyncio.create_task(self._paint(played, rules, cursors))
        try:
            end = await self._hear("end")
            played.outcome, played.points = end["outcome"], end["points"]
            await painting
        finally:
            painting.cancel()
        while played.acknowledged < played.sent:  # what was on its way when the round ended is kept too,
            if (await self._hear("ack", "error"))["t"] == "error":
                break  # but what was painted long after
        return played

    async def _look(self, address: str) -> NDArray[np.uint8]:
        """The photograph's grey levels: uint8 [256, 256]."""
        jpeg = (await self.client.get(address)).raise_for_status().content
        with Image.open(io.BytesIO(jpeg)) as photograph:
            return np.asarray(photograph.convert("L"))

    async def _paint(self, played: Played, rules: Rules, cursors: Iterator[Point]) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        last: tuple[int, int] | None = None
        batch: list[int] = []
        for tick, cursor in zip(range(rules.most_bubbles), cursors, strict=False):
            await asyncio.sleep(begun + tick * rules.tick_ms / 1000 - loop.time())
            if played.outcome:
                return
            last = follow(rules, last, cursor)
            batch += [*last, tick * rules.tick_ms]
            if tick % TICKS_A_BATCH == TICKS_A_BATCH - 1:
                await self._send(t="bubbles", round=played.round, n=played.sent, xyt=batch)
                played.sent += len(batch) // 3
                batch = []

    async def _send(self, **frame: Any) -> None:
        await self.connection.send(json.dumps(frame))

    async def _hear(self, *kinds: str) -> dict[str, Any]:
        """The next message of one of these kinds. Problem for an error that should not be."""
        while True:
            message: dict[str, Any] = json.loads(await self.connection.recv())
            match message:
                case {"t": "ack", "round": round_id, "n": kept}:
                    self.played[round_id].acknowledged = kept
                case {"t": "error", "code": code, "message": text} if code not in EXPECTED:
                    raise Problem(code, f"The server says: {text}")
            if message["t"] in kinds:
                return message
