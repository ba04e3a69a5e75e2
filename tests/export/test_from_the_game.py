"""From rounds played on a running server to shards: the whole way, by the commands a researcher types."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow
from sqlalchemy import text

from clickme.kit.house import House
from clickme.settings import Settings
from conftest import RunningServer, add_images, environment
from slow_maps import slow_blurred, slow_sharp


def clickme(settings: Settings, *arguments: str) -> str:
    return subprocess.run(
        [Path(sys.executable).with_name("clickme"), *arguments],
        env=environment(settings),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def test_twenty_rounds_of_a_code_player_become_twenty_maps(
    serve: Callable[[], RunningServer],
    house: House,
    settings: Settings,
    tmp_path: Path,
    read_shard: Callable[[Path], list[dict[str, list[Any]]]],
) -> None:
    add_images(house, 20)
    server = serve()
    report = json.loads(clickme(settings, "simulate", "--rounds", "20", "--json"))
    assert report["rounds"] == 20
    assert report["bubbles_sent"] == report["bubbles_acknowledged"] > 20
    assert server.stop() == 0

    clickme(settings, "export", "--format", "tfrecord", "--out", str(tmp_path / "out"))
    records = {
        record["image_id"][0].decode(): record
        for shard in (tmp_path / "out").glob("*.tfrecord-*")
        for record in read_shard(shard)
    }
    with house.database.transaction() as session:
        view = session.execute(
            text(
                "SELECT source_path, x, y FROM bubbles JOIN rounds ON rounds.id = round_id"
                " JOIN images ON images.id = image_id"
            )
        ).all()
    assert len(view) == report["bubbles_acknowledged"]
    assert len(records) == 20
    for path, record in records.items():
        bubbles = [(x, y) for image, x, y in view if image == path]
        heat = slow_blurred(slow_sharp([(14, bubbles)]))
        peak = max(map(max, heat))
        with Pillow.open(io.BytesIO(record["heatmap"][0])) as png:
            assert np.asarray(png).tolist() == [[round(value / peak * 255) for value in row] for row in heat]
        assert record["click_count"] == [len(bubbles)]
        assert record["n_players"] == [1]
        assert record["label"] == [105]
