"""What cannot be worked on is set aside: runs that failed, customer events with their error."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_BEFORE = "status IN ('due', 'active', 'finished', 'skipped')"
_SINCE = "status IN ('due', 'active', 'finished', 'skipped', 'failed')"


def _allow(statuses: str) -> None:
    op.drop_constraint(op.f("ck_runs_status"), "runs")
    op.create_check_constraint(op.f("ck_runs_status"), "runs", statuses)


def upgrade() -> None:
    _allow(_SINCE)
    op.add_column("events", sa.Column("error", sa.Text(), nullable=True))
    op.create_index("ix_runs_failed", "runs", ["id"], postgresql_where=sa.text("status = 'failed'"))
    op.create_index("ix_events_failed", "events", ["id"], postgresql_where=sa.text("error IS NOT NULL"))
    op.create_index("ix_receipts_failed", "receipts", ["id"], postgresql_where=sa.text("error IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("ix_receipts_failed", "receipts")
    op.drop_index("ix_events_failed", "events")
    op.drop_index("ix_runs_failed", "runs")
    op.execute("UPDATE runs SET status = 'skipped' WHERE status = 'failed'")
    op.drop_column("events", "error")
    _allow(_BEFORE)
