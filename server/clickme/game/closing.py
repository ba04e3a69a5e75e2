"""The ends of rounds: each is closed once, paid once, and counted towards a map once (promises 4 and 5).

Many rounds are closed together. What is locked on the way is locked in one order everywhere: rounds, players,
photographs, classes.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import exists, func, select, text
from sqlalchemy.orm import Session

from clickme.game.models import COUNTING, BubbleBatch, Outcome, Reason, Round


@dataclass(frozen=True)
class Ending:
    """How a round ends. `partner` looked last, name@sha256, if it looked."""

    round_id: int
    outcome: Outcome
    ended_at: datetime
    recognised_ms: int | None = None
    points: float = 0.0
    reason: Reason | None = None
    partner: str | None = None


@dataclass(frozen=True)
class Closed:
    """A round that has been closed, and the sum of its player's points."""

    id: int
    player_id: int
    outcome: Outcome
    total: float


CLOSE: Final = text(
    """
    WITH ending AS MATERIALIZED (
        SELECT * FROM json_to_recordset(CAST(:endings AS json)) AS each (
            round_id bigint, outcome text, ended_at timestamptz, recognised_ms integer,
            points double precision, reason text, partner text
        )
    ), closed AS (
        UPDATE rounds
        SET ended_at = ending.ended_at, outcome = ending.outcome, recognised_ms = ending.recognised_ms,
            points = ending.points, timeout_reason = ending.reason,
            partner = coalesce(ending.partner, rounds.partner)
        FROM ending
        WHERE rounds.id = ending.round_id AND rounds.ended_at IS NULL AND (
            CAST(:server AS text) IS NULL OR rounds.served_by = :server OR rounds.begun_at IS NULL
        )
        RETURNING rounds.id, rounds.player_id, rounds.outcome, rounds.points
    ), paid AS (
        UPDATE players SET points = players.points + earned.points
        FROM (
            SELECT player_id, sum(points) AS points FROM closed WHERE outcome = 'recognised'
            GROUP BY player_id
        ) AS earned
        WHERE players.id = earned.player_id
        RETURNING players.id, players.points
    )
    SELECT closed.id, closed.player_id, closed.outcome, coalesce(paid.points, players.points) AS total
    FROM closed JOIN players ON players.id = closed.player_id LEFT JOIN paid ON paid.id = closed.player_id
    """
)
COUNT: Final = text(
    """
    WITH counted AS MATERIALIZED (
        SELECT id, count(*) AS maps FROM unnest(CAST(:images AS bigint[])) AS id GROUP BY id
    ), held AS MATERIALIZED (
        SELECT images.id, counted.maps FROM images JOIN counted ON counted.id = images.id
        ORDER BY images.id FOR NO KEY UPDATE OF images
    )
    UPDATE images SET maps = images.maps + held.maps FROM held WHERE images.id = held.id
    RETURNING images.id, images.nth_mapped
    """
)
# Whoever else numbers a photograph of these classes waits here: no two get one number.
NUMBER: Final = text(
    """
    WITH fresh AS MATERIALIZED (
        SELECT id, class_index, row_number() OVER (PARTITION BY class_index ORDER BY id) AS nth
        FROM images WHERE id = ANY(CAST(:images AS bigint[]))
    ), held AS MATERIALIZED (
        SELECT class_index FROM categories WHERE class_index IN (SELECT class_index FROM fresh)
        ORDER BY class_index FOR NO KEY UPDATE
    ), numbered AS (
        UPDATE categories SET mapped = categories.mapped + more.images
        FROM (
            SELECT fresh.class_index, count(*) AS images
            FROM held JOIN fresh ON fresh.class_index = held.class_index GROUP BY fresh.class_index
        ) AS more
        WHERE categories.class_index = more.class_index
        RETURNING categories.class_index, categories.mapped - more.images AS before
    )
    UPDATE images SET nth_mapped = numbered.before + fresh.nth
    FROM fresh JOIN numbered ON numbered.class_index = fresh.class_index
    WHERE images.id = fresh.id
    """
)


def end(session: Session, endings: Sequence[Ending], server: str | None = None) -> dict[int, Closed]:
    """Close rounds, each once: the points paid and the maps counted here are never paid or counted again.

    Those that were closed, by their ids. Nothing is changed of one that was closed before, or that has begun
    and that another than `server`, where that is named, runs. The rows of players who were paid stay locked:
    of two who end rounds of a player the later sees both.
    """
    if not endings:
        return {}
    words = json.dumps([asdict(ending) for ending in endings], default=datetime.isoformat)
    closed = {
        row.id: Closed(row.id, row.player_id, Outcome(row.outcome), row.total)
        for row in session.execute(CLOSE, {"endings": words, "server": server})
    }
    count_maps(session, painted(session, [each.id for each in closed.values() if each.outcome in COUNTING]))
    return closed


def painted(session: Session, round_ids: Sequence[int]) -> Sequence[int]:
    """The photographs of those of the rounds that have bubbles.

    Asked once the rounds' rows are held, it sees what came into the log while they were waited for.
    """
    bubbles = exists().where(BubbleBatch.round_id == Round.id)
    return session.scalars(select(Round.image_id).where(Round.id.in_(round_ids), bubbles)).all()


def count_maps(session: Session, image_ids: Sequence[int]) -> None:
    """Photographs have one more map each, as often as they are named.

    The first one gives a photograph its number within its class, for good.
    """
    if not image_ids:
        return
    counted = session.execute(COUNT, {"images": list(image_ids)})
    if fresh := [row.id for row in counted if row.nth_mapped is None]:
        session.execute(NUMBER, {"images": fresh})


def overdue(session: Session, now: datetime, grace: timedelta, ours: Collection[int] = ()) -> list[Closed]:
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
    endings = [Ending(row.id, Outcome.TIMEOUT, row.due, reason=Reason.SERVER_GONE) for row in running]
    return sorted(end(session, endings).values(), key=lambda closed: closed.id)
