"""What a server kept of a crowd's rounds."""

import asyncio
from collections.abc import Sequence
from typing import Final

import httpx2
from sqlalchemy import func, select

from clickme.game.models import BubbleBatch
from clickme.kit.database import Database
from clickme.simulate.tally import Painting

AT_ONCE: Final = 1000  # rounds in a query
ASKING: Final = 8  # at once, over HTTP


def by_sql(database: Database, paintings: Sequence[Painting]) -> dict[int, int]:
    """How many bubbles of each round are in the database. Rounds without any are not there."""
    bubbles = func.sum(func.length(BubbleBatch.xyt)) / 6
    kept: dict[int, int] = {}
    with database.transaction() as session:
        for begin in range(0, len(paintings), AT_ONCE):
            rounds = [painting.round for painting in paintings[begin : begin + AT_ONCE]]
            rows = session.execute(
                select(BubbleBatch.round_id, bubbles)
                .where(BubbleBatch.round_id.in_(rounds))
                .group_by(BubbleBatch.round_id)
            )
            kept.update((round_id, int(count)) for round_id, count in rows)
    return kept


async def by_http(url: str, paintings: Sequence[Painting]) -> dict[int, int]:
    """The same as the server says it, each round asked for by its player. Raises httpx2.HTTPError."""
    kept: dict[int, int] = {}
    left = iter(paintings)

    async def ask(client: httpx2.AsyncClient) -> None:
        for painting in left:
            answer = await client.get(f"/api/rounds/{painting.round}", headers={"Cookie": painting.cookie})
            kept[painting.round] = answer.raise_for_status().json()["bubbles"]

    async with httpx2.AsyncClient(base_url=url, timeout=30) as client:
        await asyncio.gather(*(ask(client) for _ in range(ASKING)))
    return kept
