"""what a data set leaves out, and the order in which a class's photographs got their first map

Revision: 0002
Follows: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Photographs that have a map already, in the order in which their first one was finished.
NUMBER_THE_MAPPED = """
UPDATE images SET nth_mapped = numbered.nth FROM (
    SELECT id, row_number() OVER (PARTITION BY class_index ORDER BY first_ended, id) AS nth FROM (
        SELECT images.id, class_index, min(ended_at) AS first_ended
        FROM images JOIN rounds ON rounds.image_id = images.id
        WHERE maps > 0 AND outcome IN ('recognised', 'timeout')
        GROUP BY images.id
    ) AS mapped
) AS numbered WHERE numbered.id = images.id
"""
COUNT_THE_MAPPED = """
UPDATE categories SET mapped = counted.mapped
FROM (SELECT class_index, max(nth_mapped) AS mapped FROM images GROUP BY class_index) AS counted
WHERE counted.class_index = categories.class_index AND counted.mapped IS NOT NULL
"""


def upgrade() -> None:
    op.add_column(
        "categories", sa.Column("mapped", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("images", sa.Column("nth_mapped", sa.BigInteger(), nullable=True))
    op.add_column("images", sa.Column("excluded_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("images", sa.Column("exclusion", sa.String(), nullable=True))
    op.create_check_constraint(
        op.f("images_excluded_check"), "images", "excluded_at IS NOT NULL OR exclusion IS NULL"
    )
    op.add_column("players", sa.Column("banned_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_index("images_maps_lot_idx", table_name="images")
    op.create_index(
        "images_maps_lot_idx",
        "images",
        ["maps", "lot"],
        unique=False,
        postgresql_where=sa.text("excluded_at IS NULL"),
    )
    op.execute(NUMBER_THE_MAPPED)
    op.execute(COUNT_THE_MAPPED)


def downgrade() -> None:
    op.drop_index("images_maps_lot_idx", table_name="images")
    op.create_index("images_maps_lot_idx", "images", ["maps", "lot"], unique=False)
    op.drop_column("players", "banned_at")
    op.drop_constraint(op.f("images_excluded_check"), "images")
    op.drop_column("images", "exclusion")
    op.drop_column("images", "excluded_at")
    op.drop_column("images", "nth_mapped")
    op.drop_column("categories", "mapped")
