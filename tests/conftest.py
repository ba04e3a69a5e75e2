"""What tests stand on: a real Postgres and a real Valkey, from the wheels or from two addresses.

One database per worker is made by the migrations; tests copy it (`house`) or roll back what they did in it
(`session`).
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
import redis
import structlog
from fastapi.testclient import TestClient
from onnx import TensorProto, helper, numpy_helper
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.orm import Session

from clickme.app import create_app
from clickme.catalogue.models import Image as CatalogueImage
from clickme.catalogue.service import seed_categories
from clickme.catalogue.store import keep
from clickme.kit import engines
from clickme.kit.database import Database
from clickme.kit.home import open_home
from clickme.kit.house import House, open_house
from clickme.kit.logs import processors
from clickme.settings import Settings
from clickme_partner.engine import Engine
from clickme_partner.install import install
from clickme_partner.registry import Installed
from clickme_partner.session import Session as PartnerSession
from clickme_partner.view import MEAN_COLOUR
from fake_clock import FakeClock

# A shared machine is slow at times; that is no failure.
hypothesis.settings.register_profile("clickme", deadline=None)
hypothesis.settings.load_profile("clickme")

# As a server logs: the values of variables in tracebacks would take seconds.
structlog.configure(processors=processors(person=False))

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture
def anyio_backend() -> str:
    """Tests that are coroutines run on the event loop that the server runs on."""
    return "asyncio"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Data that only some machines have; a test that needs it says so by asking for this."""
    if not SHARED_DATA.exists():
        pytest.skip("the sample photographs of ../shared/data are not on this machine")
    return SHARED_DATA


@pytest.fixture(scope="session")
def servers() -> Iterator[tuple[str, str]]:
    """The addresses of a Postgres and a Redis, shared by all workers and kept for the next run."""
    with ExitStack() as stack:
        home = open_home(Path(tempfile.gettempdir()) / f"clickme-tests-{os.getuid()}")
        database_url = os.environ.get("CLICKME_TEST_DATABASE_URL")
        redis_url = os.environ.get("CLICKME_TEST_REDIS_URL")
        yield (
            database_url or stack.enter_context(engines.postgres(home)),
            redis_url or stack.enter_context(engines.valkey(home)),
        )


@contextmanager
def temporary_database(server_url: str, template: str | None = None) -> Iterator[str]:
    """A database of its own on that server, a copy of `template` if one is named."""
    url = make_url(server_url).set(drivername="postgresql+psycopg2")
    name = f"clickme_test_{uuid.uuid4().hex[:16]}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(
                text(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
            )
        yield url.set(database=name).render_as_string(hide_password=False)
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    finally:
        engine.dispose()


@pytest.fixture(scope="session")
def migrated_url(servers: tuple[str, str]) -> Iterator[str]:
    """A database as the migrations make it, with the 1,000 categories. Nothing is ever written to it."""
    with temporary_database(servers[0]) as url:
        database = Database(url)
        database.migrate()
        with database.transaction() as session:
            seed_categories(session)
        database.close()
        yield url


@pytest.fixture(scope="session")
def worker_database(servers: tuple[str, str], migrated_url: str) -> Iterator[Database]:
    with temporary_database(servers[0], make_url(migrated_url).database) as url:
        database = Database(url)
        yield database
        database.close()


@pytest.fixture
def session(worker_database: Database) -> Iterator[Session]:
    """A session in a transaction that is rolled back when the test is over, whatever it committed."""
    with worker_database.engine.connect() as connection:
        outer = connection.begin()
        with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as session:
            yield session
        outer.rollback()


@pytest.fixture
def settings(servers: tuple[str, str], migrated_url: str, tmp_path: Path) -> Iterator[Settings]:
    """Settings of a home of its own: a fresh folder, a fresh database with the categories, an empty Redis."""
    # Each worker keeps to a Redis database of its own.
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    redis_url = f"{servers[1]}?db={worker}" if servers[1].startswith("unix:") else f"{servers[1]}/{worker}"
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    with temporary_database(servers[0], make_url(migrated_url).database) as url:
        yield Settings(home=tmp_path / "home", database_url=url, redis_url=redis_url)


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    """An empty house: the 1,000 categories, no photograph, no player."""
    with open_house(settings=settings) as house:
        yield house


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


KOALA = 105


@pytest.fixture(scope="session")
def koala_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network: it names a koala once more than 1,500 px of a view are not the fill.

    Below that, five other classes come first. A reveal has 441 px: four of them, apart, are enough.
    """
    path = tmp_path_factory.mktemp("partner") / "koala.onnx"
    beliefs = np.full(1000, -1e6, np.float32)
    beliefs[[900, 901, 902, 903, 904]] = 0.0
    beliefs[KOALA] = -1500.0
    weight = np.zeros((1, 1000), np.float32)
    weight[0, KOALA] = 1.0
    constants: dict[str, npt.NDArray[Any]] = {
        "fill": np.array(MEAN_COLOUR, np.float32),
        "beliefs": beliefs,
        "weight": weight,
        "colours": np.array([3], np.int64),
        "places": np.array([1, 2], np.int64),
        "column": np.array([-1, 1], np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["pixels", "fill"], ["away"]),
        helper.make_node("Abs", ["away"], ["distance"]),
        helper.make_node("ReduceSum", ["distance", "colours"], ["difference"], keepdims=0),
        helper.make_node("Sign", ["difference"], ["shown"]),
        helper.make_node("ReduceSum", ["shown", "places"], ["area"], keepdims=0),
        helper.make_node("Reshape", ["area", "column"], ["areas"]),
        helper.make_node("MatMul", ["areas", "weight"], ["evidence"]),
        helper.make_node("Add", ["evidence", "beliefs"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "koala",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", 224, 224, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1000])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture(scope="session")
def koala_partner(koala_model: Path) -> Iterator[Engine]:
    """A real engine on the small network."""
    partner = Engine(PartnerSession(koala_model, version="koala@test"), batch=4)
    yield partner
    partner.close()


def quiet(step: str, fraction: float | None = None) -> None:
    pass


@pytest.fixture(scope="session")
def resnet50(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The real ResNet-50, downloaded and built once for every user of this machine."""
    folder = tmp_path_factory.mktemp("resnet50")
    return install("resnet50", folder=folder, cache=Settings().cache, report=quiet)


def add_images(house: House, count: int, class_index: int = KOALA) -> list[int]:
    """That many photographs of one class, each of another colour; their ids."""
    with house.database.transaction() as session:
        rows = []
        for i in range(count):
            file = BytesIO()
            pixels = np.random.default_rng(i).integers(0, 110, (256, 256, 3), np.uint8)
            PIL.Image.fromarray(pixels).save(file, "JPEG")
            sha256 = keep(house.home.photographs, file.getvalue())
            rows.append(
                CatalogueImage(
                    class_index=class_index,
                    sha256=sha256,
                    source_sha256=sha256,
                    source_path=f"n01882714/{i}.JPEG",
                    lot=secrets.randbits(63),
                )
            )
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


@pytest.fixture
def photographs(house: House) -> list[int]:
    """Four photographs of koalas; their ids."""
    return add_images(house, 4)


@pytest.fixture
def client(
    house: House, koala_partner: Engine, clock: FakeClock, photographs: list[int]
) -> Iterator[TestClient]:
    """The whole application, with four photographs, a small partner and a clock that the test moves."""
    with TestClient(create_app(house, koala_partner, clock), base_url="http://testserver") as client:
        yield client


def environment(settings: Settings) -> dict[str, str]:
    """What a command needs to find the test's home and servers."""
    partner = {"CLICKME_PARTNER_URL": settings.partner_url.get_secret_value()} if settings.partner_url else {}
    return (
        os.environ
        | partner
        | {
            "CLICKME_HOME": str(settings.home),
            "CLICKME_DATABASE_URL": str(settings.database_url),
            "CLICKME_REDIS_URL": str(settings.redis_url),
        }
    )


class RunningServer:
    """A `clickme` command that serves, in a process of its own, and `says` where once it answers."""

    def __init__(self, says: str, *command: object, environment: dict[str, str] | None = None) -> None:
        clickme = Path(sys.executable).with_name("clickme")
        self.process = subprocess.Popen(
            [str(word) for word in (clickme, *command)], env=environment, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said.startswith(f"{says} is at "), said
        self.url = said.split()[-1]

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Its exit status, or minus the signal that ended it."""
        self.process.send_signal(how)
        self.process.communicate()
        return self.process.returncode


@pytest.fixture
def serve(settings: Settings, koala_model: Path) -> Iterator[Callable[..., RunningServer]]:
    """Starts a real server in the test's home, with the small partner; each start is on the same port.

    What it is called with are more words for the command.
    """
    home = open_home(settings.home)
    install(
        None,
        file=koala_model,
        normalisation="inside",
        folder=home.partner,
        cache=settings.cache,
        report=quiet,
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started: list[RunningServer] = []

    def start(*more: str) -> RunningServer:
        command = ["play", "--no-browser", "--port", port, *more]
        started.append(RunningServer("ClickMe", *command, environment=environment(settings)))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.stop()
