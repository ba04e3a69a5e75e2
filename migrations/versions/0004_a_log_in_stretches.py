"""a log in stretches of rounds, when its batches came, and which server runs a round

Revision: 0004
Follows: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STRETCH = 100_000  # rounds, as in game/partitions.py

# As the first migration made it.
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
    op.add_column("rounds", sa.Column("served_by", sa.String(), nullable=True))
    op.execute("DROP VIEW bubbles")
    newest = op.get_bind().scalar(sa.text("SELECT coalesce(max(id), 0) FROM rounds"))
    end = (newest // STRETCH + 1) * STRETCH
    # What is there becomes the first stretch, as it is: nothing is copied.
    first = f"bubble_batches_to_{end}"
    op.rename_table("bubble_batches", first)
    op.execute(f"ALTER TABLE {first} RENAME CONSTRAINT bubble_batches_pkey TO {first}_pkey")
    op.add_column(first, sa.Column("arrived_ms", sa.Integer(), nullable=True))
    op.create_table(
        "bubble_batches",
        sa.Column("round_id", sa.BigInteger(), nullable=False),
        sa.Column("first_index", sa.SmallInteger(), nullable=False),
        sa.Column("xyt", sa.LargeBinary(), nullable=False),
        sa.Column("arrived_ms", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], name=op.f("bubble_batches_round_id_fkey")),
        sa.PrimaryKeyConstraint("round_id", "first_index", name=op.f("bubble_batches_pkey")),
        postgresql_partition_by="RANGE (round_id)",
    )
    op.execute(f"ALTER TABLE bubble_batches ATTACH PARTITION {first} FOR VALUES FROM (MINVALUE) TO ({end})")
    op.execute(
        f"CREATE TABLE bubble_batches_to_{end + STRETCH} PARTITION OF bubble_batches "
        f"FOR VALUES FROM ({end}) TO ({end + STRETCH})"
    )
    op.execute(BUBBLES)


def downgrade() -> None:
    op.execute("DROP VIEW bubbles")
    op.execute("CREATE TABLE bubble_batches_whole AS SELECT round_id, first_index, xyt FROM bubble_batches")
    op.drop_table("bubble_batches")
    op.rename_table("bubble_batches_whole", "bubble_batches")
    for column in ("round_id", "first_index", "xyt"):
        op.alter_column("bubble_batches", column, nullable=False)
    op.create_primary_key(op.f("bubble_batches_pkey"), "bubble_batches", ["round_id", "first_index"])
    op.create_foreign_key(
        op.f("bubble_batches_round_id_fkey"), "bubble_batches", "rounds", ["round_id"], ["id"]
    )
    op.execute(BUBBLES)
    op.drop_column("rounds", "served_by")
