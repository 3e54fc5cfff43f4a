"""Which device a pop-up was given to; and pop-ups of `kabar send-test`, which are no messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("popups", sa.Column("offered_to", sa.Text(), nullable=True))
    op.create_table(
        "popup_tests",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_popup_tests_person_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_popup_tests")),
    )
    op.create_index("ix_popup_tests_person_id", "popup_tests", ["person_id"])


def downgrade() -> None:
    op.drop_table("popup_tests")
    op.drop_column("popups", "offered_to")
