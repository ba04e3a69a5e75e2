"""Exports of real photographs and made-up rounds, rebuilt from the view `bubbles` by plain loops."""

import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from sqlalchemy import literal, select, text
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from clickme import maps
from clickme.catalogue.models import Category, Image
from clickme.catalogue.store import keep
from clickme.cli import app
from clickme.export.painted import begin_snapshot, stream_painted
from clickme.export.service import Shard, export_tfrecord
from clickme.export.splits import place, split
from clickme.game.models import BubbleBatch, Round
from clickme.kit.house import House
from clickme.kit.problems import Problem
from clickme.players.models import Player
from slow_maps import slow_blurred, slow_sharp

DEMO = Path(__file__).parents[2] / "server" / "clickme" / "catalogue" / "demo"
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)

Record = dict[str, list[Any]]
ReadShard = Callable[[Path], list[Record]]


def add_photographs(house: House, number: int, after: int = 0) -> None:
    """The bundled photographs of these numbers, in the order of their names."""
    with house.database.transaction() as session:
        for source in sorted(DEMO.glob("*.jpg"))[after : after + number]:
            with Pillow.open(source) as photograph:
                square = photograph.convert("RGB").resize((256, 256))
            jpeg = io.BytesIO()
            square.save(jpeg, "JPEG", quality=95, subsampling=0)
            wnid = source.name.partition("_")[0]
            session.add(
                Image(
                    class_index=session.scalars(
                        select(Category.class_index).where(Category.wnid == wnid)
                    ).one(),
                    sha256=keep(house.home.photographs, jpeg.getvalue()),
                    source_sha256=sha256(source.read_bytes()).hexdigest(),
                    source_path=f"{wnid}/{source.name}",
                    lot=0,
                )
            )


def add_player(session: Session, name: str) -> int:
    player = Player(name=name, consent_version="1")
    session.add(player)
    session.flush()
    return player.id


def painted_by(random: Random) -> list[tuple[int, int, int]]:
    """A walk of the brush, along the borders as often as not: (x, y, t) of each bubble."""
    x, y = random.choice([0, 128, 255]), random.choice([0, 128, 255])
    walk = []
    for tick in range(random.randint(1, 140)):
        walk.append((x, y, 50 * tick))
        x = min(255, max(0, x + random.randint(-4, 4)))
        y = min(255, max(0, y + random.randint(-4, 4)))
    return walk


def add_round(
    session: Session,
    player: int,
    image: int,
    outcome: str | None,
    walk: list[tuple[int, int, int]],
    *,
    bubble: int = 14,
) -> None:
    """A round and its log, in batches of three bubbles as a browser would send them."""
    played = Round(
        player_id=player,
        image_id=image,
        begun_at=NOON,
        ended_at=NOON if outcome else None,
        outcome=outcome,
        recognised_ms=900 if outcome == "recognised" else None,
        rules={"bubble": bubble},
    )
    session.add(played)
    session.flush()
    for first in range(0, len(walk), 3):
        xyt = np.array(walk[first : first + 3], dtype="<i2").tobytes()
        session.add(BubbleBatch(round_id=played.id, first_index=first, xyt=xyt))


def play(house: House, *, players: int = 3, seed: int = 0, outcome: str = "timeout") -> None:
    """Everybody paints every photograph."""
    random = Random(seed)
    with house.database.transaction() as session:
        images = session.scalars(select(Image.id).order_by(Image.source_path)).all()
        for number in range(players):
            player = add_player(session, f"{outcome} {number} {seed}")
            for image in images:
                add_round(session, player, image, outcome, painted_by(random))


def run_export(house: House, out: Path) -> list[Shard]:
    with house.database.transaction() as session:
        return export_tfrecord(session, house.home.photographs, out, progress=lambda done, total: None)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()} if folder.exists() else {}


def everything(out: Path, read_shard: ReadShard) -> dict[str, Record]:
    """Every record of an export by its image_id."""
    return {
        record["image_id"][0].decode(): record
        for shard in sorted(out.iterdir())
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
        streamed = {photograph.source_path: photograph for photograph in stream_painted(session)}
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
        assert {key: value for key, value in record.items() if key not in ("image", "heatmap")} == {
            "label": [image.class_index],
            "click_count": [sum(map(len, rounds.values()))],
            "n_players": [len(rounds)],
            "image_id": [path.encode()],
            "wnid": [wnids[image.class_index].encode()],
            "bbox": [rows[0], columns[0], rows[-1] + 1, columns[-1] + 1],
        }


# ---- splits and order ----


def test_splits_are_stretches_of_a_keyed_hash(session: Session) -> None:
    """The same rule in plain Python, on hashes no photograph has."""
    hashes = [sha256(str(number).encode()).hexdigest() for number in range(2000)]

    def independent(source: str) -> str:
        share = int.from_bytes(sha256(b"clickme split 1:" + source.encode()).digest(), "big") / 2**256
        return "train" if share < 0.90 else "validation" if share < 0.95 else "test"

    for source in hashes:
        assert session.scalar(select(split(place(literal(source))))) == independent(source)


def test_shards_are_in_the_order_of_the_hash(house: House, tmp_path: Path, read_shard: ReadShard) -> None:
    add_photographs(house, 31)
    play(house, players=1)

    shards = run_export(house, tmp_path / "out")

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
    assert {shard.name for shard in shards} == contents(tmp_path / "out").keys()
    assert sum(shard.photographs for shard in shards) == sum(shard.maps for shard in shards) == 31


def test_new_photographs_and_players_move_no_photograph(
    house: House, tmp_path: Path, read_shard: ReadShard
) -> None:
    def home_of_each(out: Path) -> dict[str, str]:
        return {
            record["image_id"][0].decode(): shard.name.partition(".")[0]
            for shard in out.iterdir()
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


def test_the_same_database_gives_the_same_bytes(house: House, tmp_path: Path) -> None:
    add_photographs(house, 6)
    play(house)

    run_export(house, tmp_path / "one")
    run_export(house, tmp_path / "two")

    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_an_export_is_of_one_moment(house: House, tmp_path: Path) -> None:
    add_photographs(house, 4)
    play(house)
    run_export(house, tmp_path / "still")

    def another_player_paints(done: int, total: int) -> None:
        if done == 0:  # all are counted, none is read
            add_photographs(house, 4, after=4)
            play(house, players=1, seed=1)

    with house.database.transaction() as session:
        export_tfrecord(session, house.home.photographs, tmp_path / "busy", progress=another_player_paints)

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
def test_a_photograph_gone_bad_is_named_and_leaves_no_file(house: House, tmp_path: Path, code: str) -> None:
    add_photographs(house, 5)
    play(house)
    with house.database.transaction() as session:
        begin_snapshot(session)
        *_, last = stream_painted(session)
    file = house.home.photographs / last.sha256[:2] / f"{last.sha256}.jpg"
    if code == "photograph_missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-10])

    with pytest.raises(Problem, match=last.source_path) as raised:
        run_export(house, tmp_path / "out")

    assert raised.value.code == code
    assert contents(tmp_path / "out") == {}


def test_an_interrupted_export_leaves_no_file(house: House, tmp_path: Path) -> None:
    add_photographs(house, 3)
    play(house)

    def interrupt(done: int, total: int) -> None:
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), house.database.transaction() as session:
        export_tfrecord(session, house.home.photographs, tmp_path / "out", progress=interrupt)

    assert contents(tmp_path / "out") == {}


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
    lines = result.stdout.splitlines()
    words = [re.fullmatch(r"(.+)  photographs: (\d+), maps: (\d+)", line) for line in lines]
    assert {match[1] for match in words if match} == set(map(str, (tmp_path / "out").iterdir()))
    assert sum(int(match[2]) for match in words if match) == 3
    assert sum(int(match[3]) for match in words if match) == 6


def test_the_command_speaks_json(house: House, tmp_path: Path, command: Callable[..., Any]) -> None:
    add_photographs(house, 1)
    play(house)

    result = command("--out", str(tmp_path / "out"), "--json")

    assert json.loads(result.stdout) == {
        "folder": str(tmp_path / "out"),
        "shards": [{"name": name, "photographs": 1, "maps": 3} for name in contents(tmp_path / "out")],
    }


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
