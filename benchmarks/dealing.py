"""Does dealing cost the same with a million photographs as with thirty (promise 6)?

    python benchmarks/dealing.py

Makes one database of each size on an embedded Postgres; a tenth of the photographs have a map more than the
rest. A hundred players, who have had up to twenty photographs each, are dealt one from each database in turn,
so that all sizes meet the same machine. Prints medians, beside the plainest query in the same transaction.
"""

import statistics
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.orm import Session

from clickme.catalogue.service import seed_categories
from clickme.game.dealing import deal
from clickme.game.rules import Rules
from clickme.kit import engines
from clickme.kit.database import Database
from clickme.kit.home import open_home

SIZES = (30, 1_000, 100_000, 1_000_000)
PLAYERS, HISTORY, DEALS = 100, 20, 2_000

PHOTOGRAPHS = """
INSERT INTO images (class_index, sha256, source_sha256, source_path, maps, lot)
SELECT i % 1000, lpad(i::text, 64, '0'), lpad(i::text, 64, '0'), '', (i % 10 = 0)::int,
       (random() * 9223372036854774784)::bigint
FROM generate_series(1, :size) AS i
"""
PEOPLE = """
INSERT INTO players (name, consent_version, points)
SELECT 'player ' || i, 'benchmark', 0 FROM generate_series(1, :players) AS i
"""
ROUNDS = """
INSERT INTO rounds (player_id, image_id, rules, begun_at, ended_at, outcome)
SELECT p, 1 + (random() * (:size - 1))::bigint, '{}', now(), now(), 'timeout'
FROM generate_series(1, :players) AS p, generate_series(1, :history)
ON CONFLICT DO NOTHING
"""


def fill(database: Database, size: int) -> None:
    database.migrate()
    with database.transaction() as session:
        seed_categories(session)
        session.execute(text(PHOTOGRAPHS), {"size": size})
        session.execute(text(PEOPLE), {"players": PLAYERS})
        session.execute(text(ROUNDS), {"size": size, "players": PLAYERS, "history": min(HISTORY, size // 2)})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


def timed(session: Session, player: int, *, dealing: bool) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    if dealing:
        assert deal(session, [player], Rules())
    else:
        session.execute(text("SELECT 1"))
    return (time.perf_counter() - began) * 1000


def main() -> None:
    console = Console(stderr=True)
    times: dict[int, list[float]] = {size: [] for size in SIZES}
    bare: list[float] = []
    with tempfile.TemporaryDirectory() as folder, engines.postgres(open_home(Path(folder))) as url:
        databases = {}
        for size in SIZES:
            name = f"photographs_{size}"
            with Database(url).engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT").execute(
                    text(f"CREATE DATABASE {name}")
                )
            databases[size] = Database(url.replace("/clickme?", f"/{name}?"))
            console.print(f"Making {size:,} photographs")
            fill(databases[size], size)
        for turn in track(range(DEALS + 100), "Dealing", console=console):
            for size in SIZES:
                with databases[size].transaction() as session:
                    floor = timed(session, 0, dealing=False)
                    undealt = session.begin_nested()
                    took = timed(session, turn % PLAYERS + 1, dealing=True)
                    undealt.rollback()
                if turn >= 100:  # the first ones warm the caches
                    times[size].append(took)
                    bare.append(floor)
        for database in databases.values():
            database.close()
    table = Table(title=f"Dealing a photograph, {DEALS:,} deals of each size in turn")
    for heading in ("photographs", "median ms", "p95 ms", f"ratio to {SIZES[0]}"):
        table.add_column(heading, justify="right")
    first = statistics.median(times[SIZES[0]])
    for size, taken in times.items():
        median, p95 = statistics.median(taken), statistics.quantiles(taken, n=20)[-1]
        table.add_row(f"{size:,}", f"{median:.2f}", f"{p95:.2f}", f"{median / first:.2f}")
    table.caption = f"one SELECT 1 in the same transaction: {statistics.median(bare):.2f} ms"
    Console().print(table)


if __name__ == "__main__":
    main()
