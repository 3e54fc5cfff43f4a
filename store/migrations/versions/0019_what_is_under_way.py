"""One index on what is released or being sent, which serves only those who ask by chunk.

Between two blasts nothing is under way, and the planner remembers it: what it takes for one row it reads as a whole, again and
again. Whoever knows the ids must not be offered this index; its predicate keeps it from those who do not name the chunk.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_UNDER_WAY = sa.text("status IN ('released', 'sending') AND chunk_id IS NOT NULL")


def upgrade() -> None:
    op.drop_index("ix_messages_chunk", "messages")
    op.drop_index("ix_messages_outstanding", "messages")
    op.create_index("ix_messages_under_way", "messages", ["chunk_id", "id"], postgresql_where=_UNDER_WAY)


def downgrade() -> None:
    op.drop_index("ix_messages_under_way", "messages")
    op.create_index("ix_messages_chunk", "messages", ["chunk_id"], postgresql_where=sa.text("status = 'released'"))
    op.create_index("ix_messages_outstanding", "messages", ["channel"], postgresql_where=sa.text("status IN ('released', 'sending')"))
