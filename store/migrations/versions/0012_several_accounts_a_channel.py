"""Several accounts a channel: shares, breaker, latency and stops in their rows, and which of them made an attempt."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ZERO = sa.text("0")


def _columns() -> list[sa.Column[object]]:
    return [
        sa.Column("share", sa.Double(), server_default=sa.text("1"), nullable=False),
        sa.Column("used", sa.Double(), server_default=_ZERO, nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("breaker", sa.Text(), server_default=sa.text("'closed'"), nullable=False),
        sa.Column("opened", sa.Integer(), server_default=_ZERO, nullable=False),
        sa.Column("probe_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tried", sa.Double(), server_default=_ZERO, nullable=False),
        sa.Column("failed", sa.Double(), server_default=_ZERO, nullable=False),
        sa.Column("latency", sa.Double(), nullable=True),
        sa.Column("urgent_free_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
    ]


def upgrade() -> None:
    for column in _columns():
        op.add_column("limits", column)
    op.create_check_constraint(op.f("ck_limits_breaker"), "limits", "breaker IN ('closed', 'open', 'half_open')")
    op.add_column("attempts", sa.Column("account", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("attempts", "account")
    op.drop_constraint(op.f("ck_limits_breaker"), "limits")
    for column in reversed(_columns()):
        op.drop_column("limits", column.name)
