"""Exports of real photographs and made-up rounds, rebuilt from the view `bubbles` by plain loops."""

import io
import json
import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from sqlalchemy import select, text
from typer.testing import CliRunner

from clickme import maps
from clickme.catalogue.models import Category, Image
from clickme.cli import app
from clickme.export.facts import Facts
from clickme.export.options import Options
from clickme.export.painted import begin_snapshot, stream_painted
from clickme.export.selection import Selection
from clickme.export.service import export
from clickme.kit.house import House
from clickme.kit.problems import Problem
from made_up import DEMO, Unheard, add_photographs, add_player, add_round, contents, painted_by, play
from slow_maps import slow_blurred, slow_sharp

Record = dict[str, list[Any]]
ReadShard = Callable[[Path], list[Record]]
BESIDE = {"README.md", "SHA256SUMS", "croissant.json", "dataset_info.json", "features.json"}


def run_export(house: House, out: Path, **options: Any) -> Facts:
    return export(house, out, Options(**options), Unheard())


def everything(out: Path, read_shard: ReadShard) -> dict[str, Record]:
    """Every record of an export by its image_id."""
    return {
        record["image_id"][0].decode(): record
        for shard in sorted(out.glob("*.tfrecord-*"))
        for record in read_shard(shard)
    }


# ---- the maps ----


def test_every_map_is_rebuilt_from_the_view_to_the_last_bit(
    house: House, tmp_path: Path, read_shard: ReadShard
) -> None:
    add_photographs(house, 4)
    random = Random(7)
    with house.database.transaction() as session:
        both, narrow, alone, unpainted = session.scalars(select(Image.id).order_by(Image.source_path))
        players = [add_player(session, f"player {number}") for number in range(7)]
        for player, outcome in zip(players, ["recognised", "timeout"], strict=False):
            add_round(session, player, both, outcome, painted_by(random))
            add_round(session, player, narrow, outcome, painted_by(random), bubble=9 + player % 2)
        add_round(session, players[2], alone, "timeout", [(0, 255, 0)])
        # None of these counts, and a photograph that has only these is left out.
        for player, left_out in zip(players[3:], ["skipped", "flagged", None], strict=False):
            add_round(session, player, both, left_out, painted_by(random))
            add_round(session, player, unpainted, left_out, painted_by(random))
        add_round(session, players[6], both, "timeout", [])

    run_export(house, tmp_path / "out")

    records = everything(tmp_path / "out", read_shard)
    with house.database.transaction() as session:
        begin_snapshot(session)
        streamed = {photograph.image_id: photograph for photograph in stream_painted(session, Selection())}
        images = {image.source_path: image for image in session.scalars(select(Image))}
        wnids = {row.class_index: row.wnid for row in session.scalars(select(Category))}
        view = session.execute(
            text(
                "SELECT source_path, rounds.id, rules->'bubble' AS bubble, x, y FROM bubbles"
                " JOIN rounds ON rounds.id = round_id JOIN images ON images.id = image_id"
                " WHERE outcome IN ('recognised', 'timeout')"
            )
        ).all()
    rebuilt: dict[str, dict[tuple[int, int], list[tuple[int, int]]]] = {}
    for path, played, bubble, x, y in view:
        rebuilt.setdefault(path, {}).setdefault((played, bubble), []).append((x, y))

    assert records.keys() == rebuilt.keys() == streamed.keys()
    assert {len(rounds) for rounds in rebuilt.values()} == {1, 2}
    for path, rounds in rebuilt.items():
        image, record = images[path], records[path]
        sharp = slow_sharp([(bubble, bubbles) for (_, bubble), bubbles in rounds.items()])
        heat = slow_blurred(sharp)

        ours = maps.photograph_map(
            maps.player_map(strokes.bubbles, bubble=strokes.bubble) for strokes in streamed[path].strokes
        )
        assert ours.tolist() == sharp
        assert maps.blur(ours).tolist() == heat

        peak = max(map(max, heat))
        with Pillow.open(io.BytesIO(record["heatmap"][0])) as png:
            assert (png.format, png.mode, png.size) == ("PNG", "L", (256, 256))
            assert np.asarray(png).tolist() == [[round(value / peak * 255) for value in row] for row in heat]
            assert png.getextrema()[1] == 255

        jpeg = record["image"][0]
        assert sha256(jpeg).hexdigest() == image.sha256
        with Pillow.open(io.BytesIO(jpeg)) as photograph:
            assert (photograph.format, photograph.mode, photograph.size) == ("JPEG", "RGB", (256, 256))

        rows = [y for y, row in enumerate(sharp) if any(row)]
        columns = [x for x, column in enumerate(zip(*sharp, strict=True)) if any(column)]
        assert record["heatmap_max"] == [np.float32(peak)]
        rest = record.keys() - {"image", "heatmap", "heatmap_max"}
        assert {key: record[key] for key in rest} == {
            "label": [image.class_index],
            "click_count": [sum(map(len, rounds.values()))],
            "n_players": [len(rounds)],
            "image_id": [path.encode()],
            "wnid": [wnids[image.class_index].encode()],
            "bbox": [rows[0], columns[0], rows[-1] + 1, columns[-1] + 1],
        }


# ---- splits and order ----


def test_shards_are_in_the_order_of_the_hash(house: House, tmp_path: Path, read_shard: ReadShard) -> None:
    add_photographs(house, 31)
    play(house, players=1)

    shards = run_export(house, tmp_path / "out").shards

    order = [
        record["image_id"][0].decode()
        for shard in shards
        for record in read_shard(tmp_path / "out" / shard.name)
    ]
    assert order == sorted(
        order,
        key=lambda path: sha256(
            b"clickme split 1:" + sha256((DEMO / path.split("/")[1]).read_bytes()).hexdigest().encode()
        ).digest(),
    )
    assert {shard.name for shard in shards} | BESIDE == contents(tmp_path / "out").keys()
    assert sum(shard.photographs for shard in shards) == sum(shard.maps for shard in shards) == 31


def test_new_photographs_and_players_move_no_photograph(
    house: House, tmp_path: Path, read_shard: ReadShard
) -> None:
    def home_of_each(out: Path) -> dict[str, str]:
        return {
            record["image_id"][0].decode(): shard.name.partition(".")[0]
            for shard in out.glob("*.tfrecord-*")
            for record in read_shard(shard)
        }

    add_photographs(house, 12)
    play(house, players=1)
    run_export(house, tmp_path / "before")
    add_photographs(house, 12, after=12)
    play(house, players=1, seed=1)
    run_export(house, tmp_path / "after")

    before, after = home_of_each(tmp_path / "before"), home_of_each(tmp_path / "after")
    assert len(before) == 12
    assert len(after) == 24
    assert before.items() <= after.items()


@pytest.mark.parametrize("name", ["tfrecord", "webdataset", "parquet", "hdf5", "npz", "ndjson"])
def test_the_same_database_gives_the_same_bytes(house: House, tmp_path: Path, name: str) -> None:
    add_photographs(house, 6)
    play(house)

    run_export(house, tmp_path / "one", format=name)
    run_export(house, tmp_path / "two", format=name)

    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_an_export_is_of_one_moment(house: House, tmp_path: Path) -> None:
    add_photographs(house, 4)
    play(house)
    run_export(house, tmp_path / "still")

    class AnotherPlayerPaints(Unheard):
        def reading(self, done: int) -> None:
            if done == 1:  # the rest is not read yet
                add_photographs(house, 4, after=4)
                play(house, players=1, seed=1)

    export(house, tmp_path / "busy", Options(), AnotherPlayerPaints())

    assert contents(tmp_path / "busy") == contents(tmp_path / "still")


# ---- what goes wrong ----


def test_without_a_map_there_is_nothing_to_export(house: House, tmp_path: Path) -> None:
    add_photographs(house, 2)
    play(house, outcome="skipped")

    with pytest.raises(Problem) as raised:
        run_export(house, tmp_path / "out")

    assert raised.value.code == "nothing_to_export"
    assert not (tmp_path / "out").exists()


def test_a_folder_with_an_earlier_export_is_refused_and_left_as_it_is(house: House, tmp_path: Path) -> None:
    out = tmp_path / "out"
    add_photographs(house, 2)
    play(house)
    run_export(house, out)
    before = contents(out)

    with pytest.raises(Problem) as raised:
        run_export(house, out)

    assert raised.value.code == "folder_not_empty"
    assert contents(out) == before


@pytest.mark.parametrize("code", ["photograph_missing", "photograph_damaged"])
def test_a_photograph_gone_bad_is_named_and_put_back_it_goes_on(
    house: House, tmp_path: Path, code: str
) -> None:
    add_photographs(house, 5)
    play(house)
    with house.database.transaction() as session:
        begin_snapshot(session)
        *_, last = stream_painted(session, Selection())
    file = house.home.photographs / last.sha256[:2] / f"{last.sha256}.jpg"
    whole = file.read_bytes()
    if code == "photograph_missing":
        file.unlink()
    else:
        file.write_bytes(whole[:-10])

    with pytest.raises(Problem, match=last.image_id) as raised:
        run_export(house, tmp_path / "out")

    assert raised.value.code == code
    assert [place.name for place in (tmp_path / "out").iterdir()] == [".export"]

    file.write_bytes(whole)
    run_export(house, tmp_path / "out")
    run_export(house, tmp_path / "undisturbed")
    assert contents(tmp_path / "out") == contents(tmp_path / "undisturbed")


# ---- the command ----


@pytest.fixture
def command(house: House, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`clickme export` in the test's home."""
    monkeypatch.setenv("CLICKME_DATABASE_URL", house.database.url)
    monkeypatch.setenv("CLICKME_REDIS_URL", house.redis_url)
    return lambda *words: CliRunner().invoke(app, ["export", *words, "--home", str(house.home.root)])


def test_the_command_says_what_it_wrote(house: House, tmp_path: Path, command: Callable[..., Any]) -> None:
    add_photographs(house, 3)
    play(house, players=2)

    result = command("--format", "tfrecord", "--out", str(tmp_path / "out"))

    assert result.exit_code == 0
    words = re.findall(r"^(.+)  photographs: (\d+), maps: (\d+)$", result.stdout, re.MULTILINE)
    assert {name for name, *_ in words} == set(map(str, (tmp_path / "out").glob("*.tfrecord-*")))
    assert sum(int(photographs) for _, photographs, _ in words) == 3
    assert sum(int(maps) for *_, maps in words) == 6
    assert "rounds that were skipped: 0 rounds" in result.stdout


def test_the_command_speaks_json(house: House, tmp_path: Path, command: Callable[..., Any]) -> None:
    add_photographs(house, 1)
    play(house)

    result = command("--out", str(tmp_path / "out"), "--json")

    said = json.loads(result.stdout)
    assert said["folder"] == str(tmp_path / "out")
    assert (said["photographs"], said["rounds"], said["players"]) == (1, 3, 3)
    assert said["options"] == Options().as_dict()  # the command's own defaults are no others
    (shard,) = said["shards"]
    assert shard["sha256"] == sha256((tmp_path / "out" / shard["name"]).read_bytes()).hexdigest()


def test_a_refusal_is_one_problem(house: House, tmp_path: Path, command: Callable[..., Any]) -> None:
    (tmp_path / "notes.txt").touch()

    result = command("--out", str(tmp_path))

    assert result.exit_code == 1
    assert isinstance(result.exception, Problem)
    assert result.exception.code == "folder_not_empty"
    assert result.stdout == ""


def test_an_unknown_format_is_refused(tmp_path: Path, command: Callable[..., Any]) -> None:
    result = command("--format", "stone-tablets", "--out", str(tmp_path / "out"))

    assert result.exit_code == 2
    assert "tfrecord" in result.stderr
