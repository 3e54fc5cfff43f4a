"""A message remembers that an attempt may have reached the customer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0007"
branch_labels = None
depends_on = None

_DEAD_ENDS = sa.text("doubted_at IS NOT NULL AND status IN ('failed', 'expired', 'suppressed', 'cancelled')")


def upgrade() -> None:
    op.add_column("messages", sa.Column("doubted_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_messages_doubted", "messages", ["id"], postgresql_where=_DEAD_ENDS)


def downgrade() -> None:
    op.drop_index("ix_messages_doubted", "messages")
    op.drop_column("messages", "doubted_at")
