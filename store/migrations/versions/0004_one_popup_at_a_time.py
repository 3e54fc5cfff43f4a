"""Pop-ups, one at a time: what the house knows of a person's screen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIMES = ("offered_at", "shown_at", "gone_at", "retry_at")


def upgrade() -> None:
    for name in _TIMES:
        op.add_column("popups", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_popups_shown", "popups", ["person_id", "shown_at"], postgresql_where=sa.text("shown_at IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("ix_popups_shown", "popups")
    for name in reversed(_TIMES):
        op.drop_column("popups", name)
