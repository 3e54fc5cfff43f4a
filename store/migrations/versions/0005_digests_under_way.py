"""Digests under way: the messages whose carrier has not gone yet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    where = sa.text("status = 'merged' AND settled_at IS NULL")
    op.create_index("ix_messages_merged", "messages", ["carrier_id"], postgresql_where=where)


def downgrade() -> None:
    op.drop_index("ix_messages_merged", "messages")
