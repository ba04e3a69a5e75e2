"""The whole circle by the commands that people type: a game, its maps, a network that learns from them, and a
game with that network as the partner.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from sqlalchemy import text

from clickme.export import read
from clickme.kit.house import House
from clickme.settings import Settings
from conftest import KOALA, RunningServer, add_images, environment
from made_up import add_photographs

CLICKME = Path(sys.executable).with_name("clickme")


def clickme(settings: Settings, *arguments: object) -> str:
    """What a command prints."""
    return subprocess.run(
        [CLICKME, *map(str, arguments)],
        env=environment(settings) | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def rounds_of(house: House) -> list[tuple[str, str, int]]:
    """Of each round that is over, in their order: its partner, its outcome, its bubbles."""
    with house.database.transaction() as session:
        rows = session.execute(
            text(
                "SELECT partner, outcome, (SELECT count(*) FROM bubbles WHERE round_id = rounds.id) AS n"
                " FROM rounds WHERE ended_at IS NOT NULL ORDER BY id"
            )
        )
        return [(row.partner, row.outcome, row.n) for row in rows]


def test_a_network_that_learned_from_players_is_the_next_partner(
    serve: Callable[[], RunningServer], house: House, settings: Settings, koala_model: Path, tmp_path: Path
) -> None:
    # Koalas are recognised within a second by the small partner; the other photograph never is.
    add_images(house, 4)
    add_photographs(house, 1)

    server = serve()
    report = json.loads(clickme(settings, "simulate", "--rounds", 5, "--json"))
    assert server.stop() == 0
    assert report["rounds"] == 5
    assert report["outcomes"].keys() == {"recognised", "timeout"}

    out = tmp_path / "maps"
    clickme(settings, "export", "--format", "tfrecord", "--out", out)
    exported = list(read(out, "train"))
    assert len({record.label for record in exported}) >= 2
    assert KOALA in {record.label for record in exported}

    run = tmp_path / "run"
    training = ["--model", "gala-resnet-18", "--width", 8, "--size", 64, "--batch", 2, "--workers", 0]
    printed = clickme(settings, "gala", "train", out, *training, "--epochs", 2, "--out", run)
    assert printed == f"{run / 'best.pt'}\n"
    assert len((run / "epochs.csv").read_text().splitlines()) == 3

    model = tmp_path / "gala.onnx"
    clickme(settings, "gala", "to-onnx", run, "--out", model)
    # Plain: whether this machine looks quicker in 8 bits, and keeps that form, is its own business.
    clickme(settings, "partner", "install", "--from", model, "--normalisation", "inside", "--plain")

    former = rounds_of(house)
    server = serve()
    report = json.loads(clickme(settings, "simulate", "--rounds", 1, "--json"))
    assert server.stop() == 0
    assert report["rounds"] == 1
    assert report["bubbles_sent"] == report["bubbles_acknowledged"] > 0

    assert len(former) == 5
    before = f"koala@{sha256(koala_model.read_bytes()).hexdigest()}"
    assert {partner for partner, *_ in former} == {before}
    after = f"gala@{sha256(model.read_bytes()).hexdigest()}"
    *first, (partner, outcome, bubbles) = rounds_of(house)
    assert first == former
    assert partner == after
    assert outcome in ("recognised", "timeout")
    assert bubbles == report["bubbles_acknowledged"]
