"""The log: what is acknowledged is committed, in one piece, once."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from clickme.game.ingest import Log, pack, stored, unpack
from clickme.game.rules import Bubble, Rules
from clickme.game.service import deal
from clickme.kit.database import Database
from clickme.kit.house import House
from clickme.players.service import sign_up

INT16 = st.integers(-(2**15), 2**15 - 1)


@given(st.lists(st.builds(Bubble, INT16, INT16, INT16)))
def test_what_is_packed_is_unpacked(bubbles: list[Bubble]) -> None:
    assert list(unpack(pack(bubbles))) == bubbles


def test_the_bytes_are_little_endian_triples() -> None:
    assert pack([Bubble(1, 2, 3), Bubble(255, 256, 6999)]) == bytes.fromhex("010002000300 ff000001571b")


@pytest.fixture
def new_round(house: House, photographs: list[int]) -> Callable[[], int]:
    def make() -> int:
        with house.database.transaction() as session:
            round_id = deal(session, sign_up(session, "test").id, Rules())
            assert round_id is not None
            return round_id

    return make


def kept(house: House, round_id: int) -> list[Bubble]:
    with house.database.transaction() as session:
        return stored(session, round_id)


def line(first: int, count: int) -> list[Bubble]:
    return [Bubble(i, 100, 50 * i) for i in range(first, first + count)]


def test_batches_of_many_players_share_commits(house: House, new_round: Callable[[], int]) -> None:
    rounds = [new_round() for _ in range(20)]
    commits: list[object] = []
    event.listen(house.database.engine, "commit", commits.append)

    async def write() -> list[bool]:
        log = Log(house.database)
        return await asyncio.gather(
            *(log.append(round_id, first, line(first, 2)) for first in (0, 2, 4) for round_id in rounds)
        )

    assert all(asyncio.run(write()))
    assert len(commits) < 5  # sixty batches
    assert all(kept(house, round_id) == line(0, 6) for round_id in rounds)


def test_a_place_that_is_taken_is_left_as_it_is(house: House, new_round: Callable[[], int]) -> None:
    round_id = new_round()

    async def write() -> list[bool]:
        log = Log(house.database)
        return [
            await log.append(round_id, 0, line(0, 2)),
            await log.append(round_id, 0, [Bubble(9, 9, 9)]),
            await log.append(round_id, 2, line(2, 1)),
        ]

    assert asyncio.run(write()) == [True, False, True]
    assert kept(house, round_id) == line(0, 3)


def test_what_cannot_be_committed_is_not_acknowledged(house: House, new_round: Callable[[], int]) -> None:
    """The connection is cut by the database in mid-flight; the log goes on with the next one."""
    round_id = new_round()

    def cut(connection: object, *_: object) -> None:
        with Database(house.database.url).engine.connect() as other:
            other.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )

    async def write() -> None:
        log = Log(house.database)
        event.listen(house.database.engine, "before_cursor_execute", cut)
        with pytest.raises(DBAPIError):
            await log.append(round_id, 0, line(0, 2))
        event.remove(house.database.engine, "before_cursor_execute", cut)
        assert kept(house, round_id) == []
        assert await log.append(round_id, 0, line(0, 2))

    asyncio.run(write())
    assert kept(house, round_id) == line(0, 2)
