"""What comes back."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    text,
)

from store.tables.base import When, id_column, metadata

receipts = Table(
    "receipts",
    metadata,
    id_column(),
    Column("source", Text, nullable=False),  # whatsapp, push, popup
    Column("body", LargeBinary, nullable=False),  # as it came; stored before it is understood
    Column("received_at", When, nullable=False),
    Column("retry_at", When),  # its message is not known or not settled yet
    Column("applied_at", When),
    Column("error", Text),
    Index("ix_receipts_failed", "id", postgresql_where=text("error IS NOT NULL")),
    Index("ix_receipts_pending", "id", postgresql_where=text("applied_at IS NULL")),
)

# Those that named a message nobody knew for an hour.
unknown_receipts = Table(
    "unknown_receipts",
    metadata,
    Column("source", Text, primary_key=True),
    Column("day", Date, primary_key=True),  # UTC
    Column("receipts", BigInteger, nullable=False),
)

# Each fact once, by the sender's own event id.
interactions = Table(
    "interactions",
    metadata,
    Column("event_id", Text, primary_key=True),
    Column("message_id", BigInteger, ForeignKey("messages.id", ondelete="CASCADE")),
    Column("person_id", BigInteger),
    Column("kind", Text, nullable=False),
    Column("at", When, nullable=False),
    Column("detail", Text),
    Column("channel", Text),  # whose provider said so; NULL = the app, or a link
    Column("known_at", When),  # when we were told
    Index("ix_interactions_message_id", "message_id"),
    Index("ix_interactions_person_id", "person_id"),
    Index("ix_interactions_stray", "at", postgresql_where=text("message_id IS NULL")),
)
