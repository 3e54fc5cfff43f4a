"""Dead letters and doubtful messages are found by their cause, however many other messages there are."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_messages_dead",
        "messages",
        ["status", "channel", "reason", "settled_at"],
        postgresql_where=sa.text("status IN ('failed', 'unknown')"),
    )


def downgrade() -> None:
    op.drop_index("ix_messages_dead", table_name="messages")
