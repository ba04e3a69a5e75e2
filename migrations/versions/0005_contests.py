"""contests, how they ended, and what leaderboards read

Revision: 0005
Follows: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contests",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("rules", sa.String(), nullable=False),
        sa.Column("counts", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("frozen_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("opens_at < closes_at", name=op.f("contests_window_check")),
        sa.CheckConstraint("counts IN ('points', 'rounds')", name=op.f("contests_counts_check")),
        sa.CheckConstraint("frozen_at >= closes_at", name=op.f("contests_frozen_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("contests_pkey")),
        sa.UniqueConstraint("name", name=op.f("contests_name_key")),
        postgresql.ExcludeConstraint(
            (sa.text("tstzrange(opens_at, closes_at)"), "&&"), name="contests_window_excl"
        ),
    )
    op.create_table(
        "contest_standings",
        sa.Column("contest_id", sa.BigInteger(), nullable=False),
        sa.Column("player_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contest_id"], ["contests.id"], name=op.f("contest_standings_contest_id_fkey")
        ),
        sa.ForeignKeyConstraint(["player_id"], ["players.id"], name=op.f("contest_standings_player_id_fkey")),
        sa.PrimaryKeyConstraint("contest_id", "player_id", name=op.f("contest_standings_pkey")),
    )
    op.create_index(op.f("contest_standings_player_id_idx"), "contest_standings", ["player_id"], unique=False)
    op.create_index("contest_standings_place_idx", "contest_standings", ["contest_id", "place"], unique=False)
    op.create_foreign_key(op.f("rounds_contest_id_fkey"), "rounds", "contests", ["contest_id"], ["id"])
    op.create_index(
        "rounds_recognised_idx",
        "rounds",
        ["player_id", "ended_at"],
        unique=False,
        postgresql_include=["points", "contest_id"],
        postgresql_where=sa.text("outcome = 'recognised'"),
    )
    op.create_index(
        "rounds_recognised_at_idx",
        "rounds",
        ["ended_at"],
        unique=False,
        postgresql_where=sa.text("outcome = 'recognised'"),
    )
    op.create_index(
        "rounds_contest_idx",
        "rounds",
        ["contest_id"],
        unique=False,
        postgresql_where=sa.text("contest_id IS NOT NULL"),
    )


def downgrade() -> None:
    for index in ("rounds_contest_idx", "rounds_recognised_at_idx", "rounds_recognised_idx"):
        op.drop_index(index, table_name="rounds")
    op.drop_constraint("rounds_contest_id_fkey", "rounds", type_="foreignkey")
    op.drop_table("contest_standings")
    op.drop_table("contests")
