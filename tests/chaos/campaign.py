"""A campaign in trouble: servers, parties of players, each on a line of its own, and what befalls them."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx2
from sqlalchemy import text

from chaos import truth
from chaos.line import Line
from chaos.player import LIKE_OTHERS, Habits, Player
from chaos.servers import Server
from chaos.size import SIZE
from chaos.table import Record, Row
from clickme.kit.house import House
from clickme.settings import Settings
from clickme_partner.install import install
from conftest import add_images, quiet

PATIENCE_S: Final = 90.0  # before a test gives up
SHOWN: Final = 50  # lines of a leaderboard


def furnish(house: House, koala_model: Path) -> None:
    """The small partner, and photographs: two thirds of them koalas, which it knows."""
    install(
        None,
        file=koala_model,
        normalisation="inside",
        folder=house.home.partner,
        cache=house.settings.cache,
        report=quiet,
    )
    add_images(house, SIZE.photographs)
    with house.database.transaction() as session:
        session.execute(text("UPDATE images SET class_index = 7 WHERE id % 3 = 0"))


@dataclass
class Party:
    """Players who share a line, and what befalls them: `trouble`, while they play."""

    what: str  # is broken, in the words of docs/reliability.md
    players: int
    trouble: Callable[["Party"], Awaitable[None]]
    times: int = 1  # that it is broken
    habits: Habits = LIKE_OTHERS
    members: list[Player] = field(default_factory=list)
    line: Line = field(init=False)

    @property
    def acknowledged(self) -> int:
        """Bubbles."""
        return sum(player.acknowledged for player in self.members)

    @property
    def refusals(self) -> Counter[str]:
        return sum((player.refusals for player in self.members), Counter[str]())

    @property
    def connections(self) -> int:
        return sum(player.connections for player in self.members)

    async def more(self, bubbles: int) -> None:
        """Play on until so many more bubbles are acknowledged."""
        enough = self.acknowledged + bubbles
        await self.until(lambda: self.acknowledged >= enough)

    async def connect(self, connections: int) -> None:
        """Play on until so many connections were opened, in all."""
        await self.until(lambda: self.connections >= connections)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Play on until something is so."""
        await until(condition, self.__repr__)

    def __repr__(self) -> str:
        return f"{self.what}: {self.acknowledged} bubbles acknowledged, {dict(self.refusals)}"


class Campaign:
    """One house and its servers, which go on from one `play` to the next."""

    record: Record  # told of each party, when all is over

    def __init__(self, house: House, settings: Settings) -> None:
        self.house = house
        self.settings = settings
        self.chance = random.Random(6)
        self.servers: list[Server] = []

    def play(self, *parties: Party, servers: int = 1) -> None:
        """Let them play through their troubles and finish their rounds, then see what is recorded."""
        while len(self.servers) < servers:
            self.servers.append(Server(self.settings))
        asyncio.run(self._play(parties))

    def close(self) -> None:
        for server in self.servers:
            server.close()

    async def _play(self, parties: Sequence[Party]) -> None:
        asleep = [server for server in self.servers if not server.runs]
        await asyncio.gather(*(asyncio.to_thread(server.start) for server in asleep))
        async with AsyncExitStack() as stack:
            for party in parties:
                line = Line([server.port for server in self.servers], self.chance)
                party.line = await stack.enter_async_context(line)
                party.members = [await self._join(party) for _ in range(party.players)]
            async with asyncio.TaskGroup() as playing:
                for party in parties:
                    playing.create_task(self._go_through(party))
            await until(lambda: not truth.running(self.house), self._left_over)
            wrong = self._reckon(parties)
            await self._compare_leaderboard(parties[0])
        assert not wrong, "\n".join(wrong)

    async def _join(self, party: Party) -> Player:
        async with httpx2.AsyncClient(base_url=party.line.url, timeout=PATIENCE_S) as client:
            version = (await client.get("/api/consent")).raise_for_status().json()["version"]
            answer = (await client.post("/api/players", json={"consent": version})).raise_for_status()
            cookie = "; ".join(f"{name}={value}" for name, value in answer.cookies.items())
        return Player(party.line.url, cookie, random.Random(self.chance.random()), party.habits)

    async def _go_through(self, party: Party) -> None:
        """Play while it is broken, and the rounds that then run to their end."""
        async with asyncio.TaskGroup() as playing:
            tasks = [playing.create_task(player.play()) for player in party.members]
            await party.trouble(party)
            for player in party.members:
                player.leaving = True
            await until(lambda: all(task.done() for task in tasks), party.__repr__)

    def _reckon(self, parties: Sequence[Party]) -> list[str]:
        """Tell of each party, and return all that should not be so."""
        record, wrong = truth.read(self.house)
        paid = truth.paid_wrongly(self.house)
        wrong += [f"player {player}: {figures}" for player, figures in paid.items()]
        for party in parties:
            tally, sentences = truth.reckon(record, party.members, paid)
            wrong += sentences
            Row(party.what, party.times, tally).note(self.record)
        return wrong

    def _left_over(self) -> str:
        return f"rounds that do not end: {truth.running(self.house)}"

    async def _compare_leaderboard(self, party: Party) -> None:
        """The board is what Postgres knows. A cache that was away makes good what it missed, in a while."""
        expected = truth.scores(self.house)
        first = sorted(expected.values(), reverse=True)[:SHOWN]
        shown: list[tuple[str, int]] = []

        def is_true() -> bool:
            return [score for _, score in shown] == first and set(shown) <= expected.items()

        try:
            async with asyncio.timeout(PATIENCE_S), httpx2.AsyncClient(base_url=party.line.url) as client:
                while not is_true():
                    board = (await client.get("/api/leaderboard?scope=all")).raise_for_status().json()
                    shown[:] = [(entry["name"], round(entry["score"] * 1e6)) for entry in board["entries"]]
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"the leaderboard shows {shown}, and Postgres knows {expected}") from None


async def until(condition: Callable[[], bool], stands: Callable[[], str]) -> None:
    """Return when something is so; AssertionError, with how it stands, if it does not come about."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"nothing more in {PATIENCE_S} s; {stands()}") from None
