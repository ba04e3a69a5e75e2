"""What can be done with rounds in the database. Nothing here commits."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from clickme.catalogue.models import Category, Image
from clickme.contests.models import State
from clickme.contests.service import open_within
from clickme.game.models import Flag, Outcome, Reason, Round
from clickme.game.rules import Rules


@dataclass(frozen=True)
class Dealt:
    """A round with what it is about: the photograph's file and the words above it."""

    id: int
    player_id: int
    image_id: int
    class_index: int
    category: str
    sha256: str
    rules: Rules
    begun_at: datetime | None
    ended_at: datetime | None
    outcome: Outcome | None
    reason: Reason | None
    recognised_ms: int | None
    points: float | None
    served_by: str | None


# Columns, not objects: this is asked often, and objects cost more than the asking.
ABOUT: Final = (
    select(
        *(Round.id, Round.player_id, Round.image_id, Round.rules, Round.begun_at, Round.ended_at),
        *(Round.outcome, Round.timeout_reason, Round.recognised_ms, Round.points, Round.served_by),
        *(Category.class_index, Category.shown, Image.sha256),
    )
    .join(Image, Image.id == Round.image_id)
    .join(Category, Category.class_index == Image.class_index)
)


def find(session: Session, round_id: int, player_id: int) -> Dealt | None:
    """A player's own round; None if it is not theirs or not at all."""
    row = session.execute(ABOUT.where(Round.id == round_id, Round.player_id == player_id)).one_or_none()
    return None if row is None else as_dealt(row)


def lying_ready(session: Session, player_ids: Collection[int]) -> list[Dealt]:
    """The rounds that were dealt to these players and have not begun: one of each at most."""
    ready = (Round.player_id.in_(player_ids), Round.begun_at.is_(None), Round.ended_at.is_(None))
    return [as_dealt(row) for row in session.execute(ABOUT.where(*ready))]


def as_dealt(row: Any) -> Dealt:
    return Dealt(
        id=row.id,
        player_id=row.player_id,
        image_id=row.image_id,
        class_index=row.class_index,
        category=row.shown,
        sha256=row.sha256,
        rules=Rules(**row.rules),
        begun_at=row.begun_at,
        ended_at=row.ended_at,
        outcome=Outcome(row.outcome) if row.outcome else None,
        reason=Reason(row.timeout_reason) if row.timeout_reason else None,
        recognised_ms=row.recognised_ms,
        points=row.points,
        served_by=row.served_by,
    )


def photograph(session: Session, round_id: int, player_id: int) -> str | None:
    """The hash of the photograph in a player's own round; None if it is not theirs or not at all."""
    return session.scalar(
        select(Image.sha256)
        .join(Round, Round.image_id == Image.id)
        .where(Round.id == round_id, Round.player_id == player_id)
    )


@dataclass(frozen=True)
class Beginning:
    """How a round begins. `partner` is to look, name@sha256."""

    round_id: int
    begun_at: datetime
    pointer: str
    partner: str


BEGIN: Final = text(
    """
    UPDATE rounds
    SET begun_at = beginning.begun_at, pointer = beginning.pointer, partner = beginning.partner,
        contest_id = beginning.contest, served_by = :server
    FROM json_to_recordset(CAST(:beginnings AS json)) AS beginning (
        round_id bigint, begun_at timestamptz, pointer text, partner text, contest bigint
    )
    WHERE rounds.id = beginning.round_id AND rounds.begun_at IS NULL AND rounds.ended_at IS NULL
    RETURNING rounds.id
    """
)


def begin(session: Session, beginnings: Sequence[Beginning], server: str | None = None) -> set[int]:
    """Write down that rounds have begun, on `server`; those of them that had not begun or ended before.

    Each belongs to the contest that is open at its moment.
    """
    if not beginnings:
        return set()
    moments = [beginning.begun_at for beginning in beginnings]
    contests = open_within(session, min(moments), max(moments))
    rows = [
        asdict(each)
        | {"contest": next((c.id for c in contests if c.state(each.begun_at) is State.OPEN), None)}
        for each in beginnings
    ]
    words = json.dumps(rows, default=datetime.isoformat)
    return set(session.scalars(BEGIN, {"beginnings": words, "server": server}))


def take_over(session: Session, round_id: int, player_id: int, server: str) -> None:
    """From now on this server runs the player's round: what another one still has of it does not count.

    Returns once what was on its way into the log is there.
    """
    its = (Round.id == round_id, Round.player_id == player_id, Round.ended_at.is_(None))
    session.execute(select(Round.id).where(*its).with_for_update())
    session.execute(update(Round).where(*its).values(served_by=server))


def flag(session: Session, round_id: int, reason: str, note: str | None) -> None:
    """Keep a player's word about a round's photograph; the first word counts."""
    session.execute(insert(Flag).values(round_id=round_id, reason=reason, note=note).on_conflict_do_nothing())
