"""A Postgres that stops, hangs, has a full disk, and a Redis that is emptied and stops, while people play."""

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.campaign import Campaign, Party, furnish
from chaos.engines import DISK, Engines
from chaos.player import SILENCE_S
from chaos.size import SIZE
from chaos.table import Record
from clickme.catalogue.service import seed_categories
from clickme.kit.house import open_house
from clickme.settings import Settings


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    """Engines of our own: those that other tests use, or somebody else's, are not ours to break."""
    with tempfile.TemporaryDirectory(prefix="clickme-chaos-") as place:
        engines = Engines(Path(place, "home"))
        yield engines
        engines.close()


@pytest.fixture(scope="module")
def lasting(
    engines: Engines, tmp_path_factory: pytest.TempPathFactory, koala_model: Path
) -> Iterator[Campaign]:
    """One server, which lives through all that befalls its engines."""
    settings = Settings(
        home=tmp_path_factory.mktemp("home"),
        database_url=engines.database_url,
        redis_url=engines.redis_url,
    )
    with open_house(settings=settings, migrate=True) as house:
        with house.database.transaction() as session:
            seed_categories(session)
        furnish(house, koala_model)
        campaign = Campaign(house, settings)
        yield campaign
        campaign.close()


@pytest.fixture
def campaign(lasting: Campaign, engines: Engines, record_property: Record) -> Iterator[Campaign]:
    lasting.record = record_property
    yield lasting
    engines.mend()


@pytest.fixture(scope="module")
def crammed(lasting: Campaign, engines: Engines) -> None:
    """The log is so large that on a full disk it cannot grow."""
    engines.cram(lasting.house.database)


def test_postgres_restarts(campaign: Campaign, engines: Engines) -> None:
    """Orderly, and as after a power cut."""

    async def restarts(party: Party) -> None:
        for turn in range(party.times):
            await party.more(campaign.chance.randint(1, 20 * SIZE.players))
            await asyncio.to_thread(engines.stop_postgres, crash=turn % 2 == 0)
            await asyncio.to_thread(engines.start_postgres)
        await party.more(10 * SIZE.players)

    campaign.play(Party("Postgres: restarted, or crashed and restarted", SIZE.players, restarts, SIZE.turns))


def test_postgres_stops_for_a_while(campaign: Campaign, engines: Engines) -> None:
    async def stops(party: Party) -> None:
        await party.more(20 * SIZE.players)
        await asyncio.to_thread(engines.stop_postgres)
        await party.until(lambda: party.refusals["not_stored"] > 0)
        await asyncio.sleep(SIZE.outage_s)
        await asyncio.to_thread(engines.start_postgres)
        await party.more(20 * SIZE.players)

    campaign.play(Party(f"Postgres: stopped for {SIZE.outage_s:.0f} s", SIZE.players, stops))


def test_postgres_hangs(campaign: Campaign, engines: Engines) -> None:
    """Longer than browsers wait for an answer: they come back while what they said before still waits."""

    async def hang(party: Party) -> None:
        for _ in range(party.times):
            await party.more(10 * SIZE.players)
            before = party.connections
            engines.hang_postgres()
            await asyncio.sleep(1.5 * SILENCE_S)
            engines.wake_postgres()
            await party.connect(before + 1)
        await party.more(10 * SIZE.players)

    what = f"Postgres: hangs for {1.5 * SILENCE_S:.0f} s, then goes on"
    campaign.play(Party(what, SIZE.players, hang, SIZE.turns // 2))


def test_redis_is_emptied(campaign: Campaign, engines: Engines) -> None:
    async def empty(party: Party) -> None:
        for _ in range(party.times):
            await party.more(10 * SIZE.players)
            await asyncio.to_thread(engines.empty_redis)

    campaign.play(Party("Redis: emptied", SIZE.players, empty, 2 * SIZE.turns))


def test_redis_stops_for_a_while(campaign: Campaign, engines: Engines) -> None:
    """Nobody who plays notices."""

    async def stop(party: Party) -> None:
        await party.more(10 * SIZE.players)
        await asyncio.to_thread(engines.kill_redis)
        await party.more(20 * SIZE.players)
        await asyncio.sleep(SIZE.outage_s)
        await party.more(20 * SIZE.players)
        await asyncio.to_thread(engines.start_redis)
        await party.more(10 * SIZE.players)

    party = Party(f"Redis: killed, and away for {SIZE.outage_s:.0f} s and more", SIZE.players, stop)
    campaign.play(party)
    assert not party.refusals
    assert party.connections == SIZE.players


@pytest.mark.parametrize(
    ("most", "what"),
    [(DISK, "the disk of Postgres: full for the log"), (0, "the disk of Postgres: full to the last byte")],
    ids=["no table can grow", "nothing can be written"],
)
@pytest.mark.usefixtures("crammed")
def test_the_disk_is_full(campaign: Campaign, engines: Engines, most: int, what: str) -> None:
    """Where nothing can be written, Postgres goes down, and is started when there is room again."""

    async def full(party: Party) -> None:
        await party.more(10 * SIZE.players)
        engines.fill_disk(most)
        await party.until(lambda: party.refusals["not_stored"] >= SIZE.players)
        await asyncio.sleep(SIZE.outage_s)
        engines.free_disk()
        await asyncio.to_thread(engines.start_postgres)
        await party.more(20 * SIZE.players)

    campaign.play(Party(what, SIZE.players, full))
