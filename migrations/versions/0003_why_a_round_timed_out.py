"""why a round's time ran out without the partner having seen all that was painted

Revision: 0003
Follows: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rounds", sa.Column("timeout_reason", sa.String(), nullable=True))
    op.create_check_constraint(
        op.f("rounds_timeout_reason_check"),
        "rounds",
        "timeout_reason IN ('partner_away', 'partner_slow', 'photograph_damaged', 'server_gone')",
    )
    op.create_check_constraint(
        op.f("rounds_reason_of_timeout_check"), "rounds", "timeout_reason IS NULL OR outcome = 'timeout'"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("rounds_reason_of_timeout_check"), "rounds")
    op.drop_constraint(op.f("rounds_timeout_reason_check"), "rounds")
    op.drop_column("rounds", "timeout_reason")
