"""Digests: a message that was carried by another. Patience: how long a message waits for the rules."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BEFORE = (
    "'queued', 'deferred', 'released', 'sending', 'sent', 'delivered', 'read', 'failed', 'unknown', 'suppressed', 'expired', 'cancelled'"
)


def upgrade() -> None:
    op.add_column("messages", sa.Column("queue_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("messages", sa.Column("carrier_id", sa.BigInteger(), nullable=True))
    op.create_index("ix_messages_carrier", "messages", ["carrier_id"], postgresql_where=sa.text("carrier_id IS NOT NULL"))
    op.drop_constraint(op.f("ck_messages_status"), "messages", type_="check")
    op.create_check_constraint(op.f("ck_messages_status"), "messages", f"status IN ({_BEFORE}, 'merged')")


def downgrade() -> None:
    # What a carrier still waits to carry goes by itself; what went inside one does not go again.
    op.execute("UPDATE messages SET status = CASE WHEN settled_at IS NULL THEN 'queued' ELSE 'suppressed' END WHERE status = 'merged'")
    op.drop_constraint(op.f("ck_messages_status"), "messages", type_="check")
    op.create_check_constraint(op.f("ck_messages_status"), "messages", f"status IN ({_BEFORE})")
    op.drop_index("ix_messages_carrier", "messages")
    op.drop_column("messages", "carrier_id")
    op.drop_column("messages", "queue_until")
