"""Messages that may have arrived are remembered; a platform can be stopped by itself; receipts of strangers are counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_DEAD_ENDS = sa.text("doubted_at IS NOT NULL AND status IN ('failed', 'expired', 'suppressed', 'cancelled')")


def upgrade() -> None:
    op.add_column("messages", sa.Column("doubted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_messages_doubted", "messages", ["id"], postgresql_where=_DEAD_ENDS)
    op.create_index("ix_attempts_provider_id", "attempts", ["provider_id"], postgresql_where=sa.text("provider_id IS NOT NULL"))
    op.create_table(
        "stopped_platforms",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("channel", "platform", name="pk_stopped_platforms"),
    )
    op.create_table(
        "unknown_receipts",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("receipts", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "day", name="pk_unknown_receipts"),
    )


def downgrade() -> None:
    op.drop_index("ix_attempts_provider_id", "attempts")
    op.drop_table("unknown_receipts")
    op.drop_table("stopped_platforms")
    op.drop_index("ix_messages_doubted", "messages")
    op.drop_column("messages", "doubted_at")
