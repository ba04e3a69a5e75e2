"""Tables: contests, and how they ended."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clickme.kit.tables import UTC_TIME, Table


class Counts(StrEnum):
    """What a contest counts: how soon a photograph is recognised, or only that it is."""

    POINTS = "points"  # the sum of the rounds' points
    ROUNDS = "rounds"  # one for each photograph that was recognised


class State(StrEnum):
    """Where a contest stands. `counting`: it is over, and its last rounds are still being closed."""

    ANNOUNCED = "announced"
    OPEN = "open"
    COUNTING = "counting"
    FROZEN = "frozen"


class Contest(Table):
    """A contest. A round belongs to it if it began in its window, the closing moment left out."""

    __tablename__ = "contests"
    __table_args__ = (
        # One at a time: a round belongs to one contest at most.
        ExcludeConstraint((text("tstzrange(opens_at, closes_at)"), "&&"), name="contests_window_excl"),
        CheckConstraint("opens_at < closes_at", name="window"),
        CheckConstraint("counts IN ('points', 'rounds')", name="counts"),
        CheckConstraint("frozen_at >= closes_at", name="frozen"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    opens_at: Mapped[datetime] = mapped_column(UTC_TIME)
    closes_at: Mapped[datetime] = mapped_column(UTC_TIME)
    zone: Mapped[str]  # the time zone in which its window is told to people, an IANA name
    rules: Mapped[str]  # rules and prizes, in Markdown
    counts: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(UTC_TIME, server_default=func.now())
    frozen_at: Mapped[datetime | None] = mapped_column(UTC_TIME)  # when its standings became final

    def state(self, now: datetime) -> State:
        if self.frozen_at is not None:
            return State.FROZEN
        if now >= self.closes_at:
            return State.COUNTING
        return State.OPEN if now >= self.opens_at else State.ANNOUNCED


class FinalStanding(Table):
    """One player's row in the standings of a contest that is over, as they were when they froze.

    Boards leave out who was banned since, and count places anew.
    """

    __tablename__ = "contest_standings"
    __table_args__ = (Index("contest_standings_place_idx", "contest_id", "place"),)

    contest_id: Mapped[int] = mapped_column(ForeignKey("contests.id"), primary_key=True)
    player_id: Mapped[int] = mapped_column(ForeignKey("players.id"), primary_key=True, index=True)
    place: Mapped[int]  # 1 for the first; equal scores share one
    score: Mapped[int]  # in millionths of a point, as in scores.py
