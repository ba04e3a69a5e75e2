"""Rounds that nobody played: bundled photographs, players and walks of the brush, in the tables."""

import io
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image as Pillow
from sqlalchemy import select
from sqlalchemy.orm import Session

from clickme.catalogue.models import Category, Image
from clickme.catalogue.store import keep
from clickme.game.models import BubbleBatch, Round
from clickme.kit.house import House
from clickme.players.models import Player

DEMO = Path(__file__).parents[1] / "server" / "clickme" / "catalogue" / "demo"
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)

Walk = list[tuple[int, int, int]]  # x, y, t of each bubble


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


def painted_by(random: Random) -> Walk:
    """A walk of the brush, along the borders as often as not."""
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
    walk: Walk,
    *,
    bubble: int = 14,
    **columns: Any,
) -> int:
    """A round and its log, in batches of three bubbles as a browser would send them; its id."""
    played = Round(
        player_id=player,
        image_id=image,
        ended_at=NOON if outcome else None,
        outcome=outcome,
        recognised_ms=900 if outcome == "recognised" else None,
        rules={"bubble": bubble},
        **{"begun_at": NOON} | columns,
    )
    session.add(played)
    session.flush()
    for first in range(0, len(walk), 3):
        xyt = np.array(walk[first : first + 3], dtype="<i2").tobytes()
        session.add(BubbleBatch(round_id=played.id, first_index=first, xyt=xyt))
    return played.id


def play(house: House, *, players: int = 3, seed: int = 0, outcome: str = "timeout") -> None:
    """Everybody paints every photograph."""
    random = Random(seed)
    with house.database.transaction() as session:
        images = session.scalars(select(Image.id).order_by(Image.source_path)).all()
        for number in range(players):
            player = add_player(session, f"{outcome} {number} {seed}")
            for image in images:
                add_round(session, player, image, outcome, painted_by(random), pointer="mouse")


class Unheard:
    """Progress of an export that nobody listens to."""

    def reading(self, done: int) -> None:
        pass

    def writing(self, done: int, total: int) -> None:
        pass


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path from there."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
