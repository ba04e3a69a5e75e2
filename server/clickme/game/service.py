"""What can be done with rounds in the database. Nothing here commits."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, func, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from clickme.catalogue.models import Category, Image
from clickme.contests.models import Contest
from clickme.contests.service import open_then
from clickme.game.dealing import pick
from clickme.game.models import COUNTING, BubbleBatch, Flag, Outcome, Reason, Round
from clickme.game.rules import Rules
from clickme.players.models import Player


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


def deal(session: Session, player_id: int, rules: Rules) -> int | None:
    """The round that lies ready for this player, or a new one; None when they have had every photograph."""
    ready = select(Round.id).where(
        Round.player_id == player_id, Round.begun_at.is_(None), Round.ended_at.is_(None)
    )
    while (round_id := session.scalar(ready)) is None:
        image_id = pick(session, player_id)
        if image_id is None:
            return None
        # Two tabs may ask at once: one of them gets nothing here and finds the other's round ready.
        session.execute(
            insert(Round)
            .values(player_id=player_id, image_id=image_id, rules=asdict(rules))
            .on_conflict_do_nothing()
        )
    return round_id


def find(session: Session, round_id: int, player_id: int) -> Dealt | None:
    """A player's own round; None if it is not theirs or not at all."""
    row = session.execute(
        # Columns, not objects: this is asked several times a round, and objects cost more than the asking.
        select(
            *(Round.id, Round.player_id, Round.image_id, Round.rules, Round.begun_at, Round.ended_at),
            *(Round.outcome, Round.timeout_reason, Round.recognised_ms, Round.points, Round.served_by),
            *(Category.class_index, Category.shown, Image.sha256),
        )
        .join(Image, Image.id == Round.image_id)
        .join(Category, Category.class_index == Image.class_index)
        .where(Round.id == round_id, Round.player_id == player_id)
    ).one_or_none()
    if row is None:
        return None
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


def begin(
    session: Session,
    round_id: int,
    *,
    begun_at: datetime,
    pointer: str,
    partner: str,
    server: str | None = None,
) -> bool:
    """Write down that a round has begun, on `server`. False if it had begun or ended before.

    It belongs to the contest that is open at that moment.
    """
    begun = session.execute(
        update(Round)
        .where(Round.id == round_id, Round.begun_at.is_(None), Round.ended_at.is_(None))
        .values(
            begun_at=begun_at,
            pointer=pointer,
            partner=partner,
            served_by=server,
            contest_id=open_then(begun_at).with_only_columns(Contest.id).scalar_subquery(),
        )
        .returning(Round.id)
    )
    return begun.first() is not None


def take_over(session: Session, round_id: int, player_id: int, server: str) -> None:
    """From now on this server runs the player's round: what another one still has of it does not count.

    Returns once what was on its way into the log is there.
    """
    its = (Round.id == round_id, Round.player_id == player_id, Round.ended_at.is_(None))
    session.execute(select(Round.id).where(*its).with_for_update())
    session.execute(update(Round).where(*its).values(served_by=server))


def end(
    session: Session,
    round_id: int,
    outcome: Outcome,
    *,
    ended_at: datetime,
    recognised_ms: int | None = None,
    points: float = 0.0,
    reason: Reason | None = None,
    partner: str | None = None,
    server: str | None = None,
    painted: bool | None = None,
) -> bool:
    """Close a round, once: the points paid and the map counted here are never paid or counted again.

    `partner` looked last, and the log has bubbles of it or not (`painted`), if that is known. False, and
    nothing is changed, if it was closed before, or if it has begun and another than `server`, where that is
    named, runs it.
    """
    mine = (Round.served_by == server) | Round.begun_at.is_(None) if server else true()
    closed = session.execute(
        update(Round)
        .where(Round.id == round_id, Round.ended_at.is_(None), mine)
        .values(
            ended_at=ended_at,
            outcome=outcome,
            recognised_ms=recognised_ms,
            points=points,
            timeout_reason=reason,
            partner=func.coalesce(partner, Round.partner),
        )
        .returning(Round.player_id, Round.image_id)
    ).one_or_none()
    if closed is None:
        return False
    player_id, image_id = closed
    if points:
        session.execute(update(Player).where(Player.id == player_id).values(points=Player.points + points))
    if outcome in COUNTING:
        if painted is None:
            painted = session.scalar(select(exists().where(BubbleBatch.round_id == round_id)))
        if painted:
            count_map(session, image_id)
    return True


def count_map(session: Session, image_id: int) -> None:
    """A photograph has one more map. The first one gives it its number within its class, for good."""
    row = session.execute(
        update(Image)
        .where(Image.id == image_id)
        .values(maps=Image.maps + 1)
        .returning(Image.class_index, Image.nth_mapped)
    ).one()
    if row.nth_mapped is None:
        # Whoever else numbers a photograph of this class waits here: no two get one number.
        nth = session.scalar(
            update(Category)
            .where(Category.class_index == row.class_index)
            .values(mapped=Category.mapped + 1)
            .returning(Category.mapped)
        )
        session.execute(update(Image).where(Image.id == image_id).values(nth_mapped=nth))


def flag(session: Session, round_id: int, reason: str, note: str | None) -> None:
    """Keep a player's word about a round's photograph; the first word counts."""
    session.execute(insert(Flag).values(round_id=round_id, reason=reason, note=note).on_conflict_do_nothing())


def overdue(session: Session, now: datetime, grace: timedelta, ours: Collection[int] = ()) -> list[int]:
    """Close rounds that nobody has closed though their time was over `grace` ago, as timeouts (promise 5).

    Their server is gone; those that run here, `ours`, are left alone. Several servers may look at once: each
    takes what no other has in hand.
    """
    # The interval is per round: its own rules say how long it was.
    limit: Any = func.make_interval(0, 0, 0, 0, 0, 0, Round.rules["limit_ms"].as_float() / 1000)
    running = session.execute(
        select(Round.id, (Round.begun_at + limit).label("due"))
        .where(
            Round.begun_at.is_not(None),
            Round.ended_at.is_(None),
            Round.begun_at + limit <= now - grace,
            Round.id.not_in(ours),
        )
        .order_by(Round.begun_at)
        .limit(1000)
        .with_for_update(skip_locked=True)
    ).all()
    return [
        row.id
        for row in running
        if end(session, row.id, Outcome.TIMEOUT, ended_at=row.due, reason=Reason.SERVER_GONE)
    ]
