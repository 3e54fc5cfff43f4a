"""What providers say of people and texts: holds, people a day, addresses nobody is at, addresses learned, approved texts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_WHEN = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "holds",
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("until", _WHEN, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_holds_person_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person_id", "channel", "scope", name="pk_holds"),
    )
    op.create_table(
        "quotas",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("channel", name="pk_quotas"),
    )
    op.create_table(
        "reached",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("until", _WHEN, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name="fk_reached_person_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("channel", "person_id", name="pk_reached"),
    )
    op.create_index("ix_reached_channel_until", "reached", ["channel", "until"])
    op.create_table(
        "suspicions",
        sa.Column("address_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("at", _WHEN, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["address_id"], ["addresses.id"], name="fk_suspicions_address_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["message_id"], ["messages.id"], name="fk_suspicions_message_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("address_id", "message_id", name="pk_suspicions"),
    )
    op.create_table(
        "registered",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("at", _WHEN, nullable=False),
        sa.PrimaryKeyConstraint("channel", "name", name="pk_registered"),
    )
    op.add_column("addresses", sa.Column("learned_at", _WHEN, nullable=True))
    op.add_column("addresses", sa.Column("evidence", sa.Text(), nullable=True))
    where = sa.text("status = 'deferred' AND reason LIKE 'quota:%'")
    op.create_index("ix_messages_quota", "messages", ["channel", "run_id"], postgresql_where=where)


def downgrade() -> None:
    op.drop_index("ix_messages_quota", "messages")
    op.drop_column("addresses", "evidence")
    op.drop_column("addresses", "learned_at")
    for table in ("registered", "suspicions", "reached", "quotas", "holds"):
        op.drop_table(table)
