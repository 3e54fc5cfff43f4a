"""A second channel: follow-ups of messages nobody answered, and by which channel a receipt came and when it was known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("runs", sa.Column("escalation", JSONB(), nullable=True))
    op.add_column("messages", sa.Column("escalates", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("messages", sa.Column("follows_id", sa.BigInteger(), nullable=True))
    went = sa.text("escalates AND status IN ('sent', 'delivered', 'read', 'unknown')")
    op.create_index("ix_messages_escalates", "messages", ["run_id", "sent_at"], postgresql_where=went)
    op.create_index("uq_messages_follows", "messages", ["follows_id"], unique=True, postgresql_where=sa.text("follows_id IS NOT NULL"))
    op.add_column("interactions", sa.Column("channel", sa.Text(), nullable=True))
    op.add_column("interactions", sa.Column("known_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("interactions", "known_at")
    op.drop_column("interactions", "channel")
    # A follow-up that waits would go without being asked whether it is still wanted.
    op.execute(
        """UPDATE messages SET status = 'cancelled', reason = 'downgraded', settled_at = now(), next_attempt_at = NULL
           WHERE follows_id IS NOT NULL AND status IN ('queued', 'deferred')"""
    )
    op.drop_index("uq_messages_follows", "messages")
    op.drop_index("ix_messages_escalates", "messages")
    op.drop_column("messages", "follows_id")
    op.drop_column("messages", "escalates")
    op.drop_column("runs", "escalation")
