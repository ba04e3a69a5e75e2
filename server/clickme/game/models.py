"""Tables: rounds, and the log of every bubble."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, SmallInteger, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from clickme.contests.models import Contest
from clickme.kit.tables import UTC_TIME, Table


class Outcome(StrEnum):
    """How a round ended. The first two count towards maps (paper 2.1), the others do not."""

    RECOGNISED = "recognised"
    TIMEOUT = "timeout"
    SKIPPED = "skipped"
    FLAGGED = "flagged"


class Reason(StrEnum):
    """Why a round's time ran out without the partner having seen all that was painted."""

    PARTNER_AWAY = "partner_away"  # it could not be reached, or failed
    PARTNER_SLOW = "partner_slow"  # its verdict did not come, long after the end
    PHOTOGRAPH_DAMAGED = "photograph_damaged"  # there was nothing to show it
    SERVER_GONE = "server_gone"  # the round was closed from its log


COUNTING = (Outcome.RECOGNISED, Outcome.TIMEOUT)


class Round(Table):
    """A photograph dealt to a player, from the deal to the end."""

    __tablename__ = "rounds"
    __table_args__ = (
        # Promise 6: no player is dealt a photograph twice, by any tab or server.
        UniqueConstraint("player_id", "image_id"),
        # One photograph at a time lies ready for a player: asking again gives the same one.
        Index(
            "rounds_ready_idx",
            "player_id",
            unique=True,
            postgresql_where=text("begun_at IS NULL AND ended_at IS NULL"),
        ),
        # What still has to be closed is found without reading what is over.
        Index(
            "rounds_running_idx",
            "begun_at",
            postgresql_where=text("begun_at IS NOT NULL AND ended_at IS NULL"),
        ),
        # What counts on leaderboards, by player and by time: read without the rounds themselves.
        Index(
            "rounds_recognised_idx",
            "player_id",
            "ended_at",
            postgresql_include=["points", "contest_id"],
            postgresql_where=text("outcome = 'recognised'"),
        ),
        Index("rounds_recognised_at_idx", "ended_at", postgresql_where=text("outcome = 'recognised'")),
        Index("rounds_contest_idx", "contest_id", postgresql_where=text("contest_id IS NOT NULL")),
        CheckConstraint("outcome IN ('recognised', 'timeout', 'skipped', 'flagged')", name="outcome"),
        CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name="ended"),
        CheckConstraint("(outcome = 'recognised') = (recognised_ms IS NOT NULL)", name="recognised"),
        CheckConstraint(
            "timeout_reason IN ('partner_away', 'partner_slow', 'photograph_damaged', 'server_gone')",
            name="timeout_reason",
        ),
        CheckConstraint("timeout_reason IS NULL OR outcome = 'timeout'", name="reason_of_timeout"),
        CheckConstraint("points BETWEEN 0 AND 1", name="points"),
        CheckConstraint("pointer IN ('mouse', 'touch', 'pen', 'keyboard')", name="pointer"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    player_id: Mapped[int] = mapped_column(ForeignKey("players.id"))
    image_id: Mapped[int] = mapped_column(ForeignKey("images.id"), index=True)
    contest_id: Mapped[int | None] = mapped_column(ForeignKey(Contest.id))  # empty outside a contest
    dealt_at: Mapped[datetime] = mapped_column(UTC_TIME, server_default=func.now())
    begun_at: Mapped[datetime | None] = mapped_column(UTC_TIME)
    ended_at: Mapped[datetime | None] = mapped_column(UTC_TIME)
    outcome: Mapped[str | None]
    # Of one that says nothing about the player. Not `reason`, which is in `flags`: people join the two.
    timeout_reason: Mapped[str | None]
    recognised_ms: Mapped[int | None] = mapped_column(Integer)
    points: Mapped[float | None]
    rules: Mapped[dict[str, Any]]  # game.rules.Rules, as they were for this round
    partner: Mapped[str | None]  # name@sha256 of the model that looked
    pointer: Mapped[str | None]
    served_by: Mapped[str | None]  # the server that runs it; the log takes its bubbles from no other


class BubbleBatch(Table):
    """Bubbles as they arrived; append-only. `xyt` is little-endian int16 triples: x, y in px, t in ms.

    What lies in which table, `partitions.py` says.
    """

    __tablename__ = "bubble_batches"
    __table_args__ = {"postgresql_partition_by": "RANGE (round_id)"}  # noqa: RUF012 - as SQLAlchemy has it

    round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id"), primary_key=True)
    first_index: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    xyt: Mapped[bytes]
    # When the frame came, on the server's clock: ms since the round began. Empty in rows of older versions.
    arrived_ms: Mapped[int | None] = mapped_column(Integer)


class Flag(Table):
    """A player's word that something is wrong with a photograph or its label."""

    __tablename__ = "flags"
    __table_args__ = (CheckConstraint("reason IN ('label', 'quality', 'other')", name="reason"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("rounds.id"), unique=True)
    reason: Mapped[str]
    note: Mapped[str | None]
    flagged_at: Mapped[datetime] = mapped_column(UTC_TIME, server_default=func.now())
