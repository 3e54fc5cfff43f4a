"""What is over is found by when it ended: runs that are finished, and their messages by them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_runs_finished", "runs", ["finished_at", "id"], postgresql_where=sa.text("status = 'finished'"))


def downgrade() -> None:
    op.drop_index("ix_runs_finished", "runs")
