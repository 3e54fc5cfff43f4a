"""What waits to be repeated in doubt counts as a contact, and is found by person."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_IN_DOUBT = sa.text("doubted_at IS NOT NULL AND status IN ('queued', 'deferred', 'failed', 'expired', 'suppressed', 'cancelled')")


def upgrade() -> None:
    op.create_index("ix_messages_in_doubt", "messages", ["person_id", "doubted_at"], postgresql_where=_IN_DOUBT)


def downgrade() -> None:
    op.drop_index("ix_messages_in_doubt", "messages")
