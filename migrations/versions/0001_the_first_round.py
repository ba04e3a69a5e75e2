"""the first round

Revision: 0001
Follows: None
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# One row per bubble, for people who write SQL: x, y in px of the photograph, t_ms since the round began.
# All three are never negative, so the two bytes of an int16 add up without a sign.
BUBBLES = """
CREATE VIEW bubbles AS
SELECT
    round_id,
    first_index + i AS n,
    get_byte(xyt, 6 * i) + 256 * get_byte(xyt, 6 * i + 1) AS x,
    get_byte(xyt, 6 * i + 2) + 256 * get_byte(xyt, 6 * i + 3) AS y,
    get_byte(xyt, 6 * i + 4) + 256 * get_byte(xyt, 6 * i + 5) AS t_ms
FROM bubble_batches, generate_series(0, length(xyt) / 6 - 1) AS i
"""


def upgrade() -> None:
    op.create_table(
        "categories",
        sa.Column("class_index", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("wnid", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("shown", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("class_index", name=op.f("categories_pkey")),
        sa.UniqueConstraint("wnid", name=op.f("categories_wnid_key")),
    )
    op.create_table(
        "players",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("consent_version", sa.String(), nullable=False),
        sa.Column(
            "consented_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("points", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("players_pkey")),
        sa.UniqueConstraint("name", name=op.f("players_name_key")),
    )
    op.create_index(op.f("players_points_idx"), "players", ["points"], unique=False)
    op.create_table(
        "images",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("class_index", sa.SmallInteger(), nullable=False),
        sa.Column("sha256", sa.CHAR(length=64), nullable=False),
        sa.Column("source_sha256", sa.CHAR(length=64), nullable=False),
        sa.Column("source_path", sa.String(), nullable=False),
        sa.Column("licence", sa.String(), nullable=True),
        sa.Column("author", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("maps", sa.BigInteger(), nullable=False),
        sa.Column("lot", sa.BigInteger(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["class_index"], ["categories.class_index"], name=op.f("images_class_index_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("images_pkey")),
        sa.UniqueConstraint("sha256", name=op.f("images_sha256_key")),
        sa.UniqueConstraint("source_sha256", name=op.f("images_source_sha256_key")),
    )
    op.create_index(op.f("images_class_index_idx"), "images", ["class_index"], unique=False)
    op.create_index("images_maps_lot_idx", "images", ["maps", "lot"], unique=False)
    op.create_table(
        "rounds",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("player_id", sa.BigInteger(), nullable=False),
        sa.Column("image_id", sa.BigInteger(), nullable=False),
        sa.Column("contest_id", sa.BigInteger(), nullable=True),
        sa.Column("dealt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("recognised_ms", sa.Integer(), nullable=True),
        sa.Column("points", sa.Double(), nullable=True),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("partner", sa.String(), nullable=True),
        sa.Column("pointer", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(outcome = 'recognised') = (recognised_ms IS NOT NULL)", name=op.f("rounds_recognised_check")
        ),
        sa.CheckConstraint(
            "outcome IN ('recognised', 'timeout', 'skipped', 'flagged')", name=op.f("rounds_outcome_check")
        ),
        sa.CheckConstraint(
            "pointer IN ('mouse', 'touch', 'pen', 'keyboard')", name=op.f("rounds_pointer_check")
        ),
        sa.CheckConstraint("(outcome IS NULL) = (ended_at IS NULL)", name=op.f("rounds_ended_check")),
        sa.CheckConstraint("points BETWEEN 0 AND 1", name=op.f("rounds_points_check")),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("rounds_image_id_fkey")),
        sa.ForeignKeyConstraint(["player_id"], ["players.id"], name=op.f("rounds_player_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("rounds_pkey")),
        sa.UniqueConstraint("player_id", "image_id", name=op.f("rounds_player_id_image_id_key")),
    )
    op.create_index(op.f("rounds_image_id_idx"), "rounds", ["image_id"], unique=False)
    op.create_index(
        "rounds_ready_idx",
        "rounds",
        ["player_id"],
        unique=True,
        postgresql_where=sa.text("begun_at IS NULL AND ended_at IS NULL"),
    )
    op.create_index(
        "rounds_running_idx",
        "rounds",
        ["begun_at"],
        unique=False,
        postgresql_where=sa.text("begun_at IS NOT NULL AND ended_at IS NULL"),
    )
    op.create_table(
        "bubble_batches",
        sa.Column("round_id", sa.BigInteger(), nullable=False),
        sa.Column("first_index", sa.SmallInteger(), nullable=False),
        sa.Column("xyt", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], name=op.f("bubble_batches_round_id_fkey")),
        sa.PrimaryKeyConstraint("round_id", "first_index", name=op.f("bubble_batches_pkey")),
    )
    op.create_table(
        "flags",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("round_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("flagged_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("reason IN ('label', 'quality', 'other')", name=op.f("flags_reason_check")),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], name=op.f("flags_round_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("flags_pkey")),
        sa.UniqueConstraint("round_id", name=op.f("flags_round_id_key")),
    )
    op.execute(BUBBLES)


def downgrade() -> None:
    op.execute("DROP VIEW bubbles")
    for table in ("flags", "bubble_batches", "rounds", "images", "players", "categories"):
        op.drop_table(table)
