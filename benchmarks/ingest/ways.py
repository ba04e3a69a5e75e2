"""Ways of writing the same rows into the same table. Each takes them ready, and says how long it took, s."""

import asyncio
import io
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Final

import numpy as np
import psycopg2
import uvloop
from prometheus_client import REGISTRY
from sqlalchemy import insert

from clickme.contests.leaderboard import Leaderboards
from clickme.game.ingest import Batch, Log, pack
from clickme.game.models import BubbleBatch
from clickme.kit.database import Database
from clickme.kit.house import House

from .rows import SERVER, Row, Rows

THREADS: Final = 24  # of a plain endpoint, as many as the game has for its database
ROWS_EACH: Final = 3_000  # that are committed one by one: more would only take longer

COPY: Final = "COPY bubble_batches (round_id, first_index, arrived_ms, xyt) FROM STDIN (FORMAT binary)"
# PostgreSQL's binary COPY: the signature, no flags and no extension; in the end, a row of -1 fields.
COPY_HEAD: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TAIL: Final = b"\xff\xff"


def copied(database: Database, rows: Rows, at_once: int) -> float:
    """PostgreSQL's COPY from memory, a commit after every `at_once` rows: nothing is quicker."""
    chunks = binary(rows, at_once)
    connection = psycopg2.connect(database.url)
    try:
        began = time.perf_counter()
        with connection.cursor() as cursor:
            for chunk in chunks:
                cursor.copy_expert(COPY, io.BytesIO(chunk))
                connection.commit()
        return time.perf_counter() - began
    finally:
        connection.close()


def binary(rows: Rows, at_once: int) -> list[bytes]:
    """The rows as COPY reads them, in chunks."""
    kind = np.dtype(
        [
            ("fields", ">i2"),
            ("round_size", ">i4"),
            ("round", ">i8"),
            ("first_size", ">i4"),
            ("first", ">i2"),
            ("arrived_size", ">i4"),
            ("arrived", ">i4"),
            ("xyt_size", ">i4"),
            ("xyt", "<i2", (rows.size, 3)),
        ]
    )
    size = 6 * rows.size
    laid_out = np.array(
        [(4, 8, row.round, 2, row.first, 4, row.arrived_ms, size, row.bubbles) for row in rows], kind
    )
    starts = range(0, len(laid_out), at_once)
    return [COPY_HEAD + laid_out[start : start + at_once].tobytes() + COPY_TAIL for start in starts]


def one_by_one(database: Database, rows: Rows) -> float:
    """An INSERT and a commit for each of the first rows, from as many threads as a plain endpoint has."""

    def write(row: Row) -> None:
        values = {
            "round_id": row.round,
            "first_index": row.first,
            "arrived_ms": row.arrived_ms,
            "xyt": pack(row.bubbles),
        }
        with database.transaction() as session:
            session.execute(insert(BubbleBatch), values)

    some = list(islice(rows, ROWS_EACH))
    with ThreadPoolExecutor(THREADS) as threads:
        began = time.perf_counter()
        for _ in threads.map(write, some):
            pass
        return time.perf_counter() - began


def logged(house: House, rows: Rows) -> tuple[float, float]:
    """The log: each round hands in a batch when its last one is committed. Also, batches in a commit."""
    of_rounds = [list(rows.of(round_id)) for round_id in rows.rounds]

    async def paint(log: Log, batches: Iterable[Row]) -> None:
        for row in batches:
            assert await log.append(row.round, [Batch(row.first, row.bubbles, row.arrived_ms)])

    async def play() -> float:
        log = Log(house.database, Leaderboards(house.database, house.redis_url, "UTC"), SERVER)
        began = time.perf_counter()
        await asyncio.gather(*(paint(log, batches) for batches in of_rounds))
        took = time.perf_counter() - began
        await log.close()
        return took

    commits = counted("count")
    batches = counted("sum")
    took = uvloop.run(play())
    return took, (counted("sum") - batches) / (counted("count") - commits)


def counted(which: str) -> float:
    """Of the log's commits in this process: how many there were (`count`), or batches in them (`sum`)."""
    return REGISTRY.get_sample_value(f"clickme_log_commit_batches_{which}") or 0.0
