"""The job queue: procrastinate's own schema, as the installed version ships it."""

from __future__ import annotations

from collections.abc import Sequence

from alembic import op
from procrastinate import schema
from sqlalchemy import text

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute(text(schema.SchemaManager.get_schema().replace(":", r"\:")))
