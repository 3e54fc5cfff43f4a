"""The messages, their attempts, and the pop-ups that wait for the app."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from store.tables.base import When, id_column, metadata

STATUSES = (
    "queued",
    "deferred",
    "released",
    "sending",
    "sent",
    "delivered",
    "read",
    "failed",
    "unknown",
    "suppressed",
    "expired",
    "cancelled",
    "merged",
)

messages = Table(
    "messages",
    metadata,
    id_column(),
    Column("run_id", BigInteger, ForeignKey("runs.id"), nullable=False),
    Column("person_id", BigInteger, ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("event_ref", BigInteger, nullable=False, server_default=text("0")),  # events.id, 0 = none
    Column("channel", Text, nullable=False),
    Column("fallback", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("category", Text, nullable=False),
    Column("topic", Text),
    Column("variant", SmallInteger, nullable=False),  # index into the template's variants
    Column("window_key", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("trail", JSONB, nullable=False, server_default=text("'[]'")),  # the valve's decisions, oldest first
    Column("queued_at", When, nullable=False),
    Column("expires_at", When, nullable=False),
    Column("queue_until", When),  # it waits no longer than this for the rules; NULL = until it expires
    Column("next_attempt_at", When),  # when a deferred message is looked at again
    Column("carrier_id", BigInteger),  # the message that carried a merged one
    Column("escalates", Boolean, nullable=False, server_default=text("false")),  # whether another follows it is still open
    Column("follows_id", BigInteger),  # the message nobody answered, which this one follows by a second channel
    Column("released_at", When),
    Column("rules_id", Integer),  # version of the rules it was released under
    Column("chunk_id", BigInteger),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    Column("fence", Integer, nullable=False, server_default=text("0")),
    Column("lease_until", When),
    Column("sent_at", When),
    Column("delivered_at", When),
    Column("read_at", When),
    Column("settled_at", When),
    Column("provider_id", Text),
    Column("maybe_duplicate", Boolean, nullable=False, server_default=text("false")),
    Column("doubted_at", When),  # an attempt then may have reached the customer, and no other surely did
    # The dedup key: one row per person, channel and event in a run, whoever plans it and how often.
    UniqueConstraint("run_id", "person_id", "channel", "event_ref", name="uq_messages_dedup"),
    CheckConstraint(f"status IN ({', '.join(repr(status) for status in STATUSES)})", name="status"),
    Index("ix_messages_queued", "run_id", "channel", "window_key", "id", postgresql_where=text("status = 'queued'")),
    Index("ix_messages_deferred", "next_attempt_at", postgresql_where=text("status = 'deferred'")),
    Index("ix_messages_waiting_expiry", "expires_at", postgresql_where=text("status IN ('queued', 'deferred')")),
    Index("ix_messages_waiting_person", "person_id", postgresql_where=text("status IN ('queued', 'deferred')")),
    # Not for those who know the ids: after a day on which nothing was under way, the planner would read all of it for each.
    Index(
        "ix_messages_under_way",
        "chunk_id",
        "id",
        postgresql_where=text("status IN ('released', 'sending') AND chunk_id IS NOT NULL"),
    ),
    Index("ix_messages_lease", "lease_until", postgresql_where=text("status = 'sending'")),
    Index(
        "ix_messages_contacts",
        "person_id",
        "released_at",
        postgresql_where=text("status IN ('released', 'sending', 'sent', 'delivered', 'read', 'unknown')"),
    ),
    Index("ix_messages_quota", "channel", "run_id", postgresql_where=text("status = 'deferred' AND reason LIKE 'quota:%'")),
    Index("ix_messages_carrier", "carrier_id", postgresql_where=text("carrier_id IS NOT NULL")),
    Index("ix_messages_merged", "carrier_id", postgresql_where=text("status = 'merged' AND settled_at IS NULL")),
    Index(
        "ix_messages_escalates",
        "run_id",
        "sent_at",
        postgresql_where=text("escalates AND status IN ('sent', 'delivered', 'read', 'unknown')"),
    ),
    Index("uq_messages_follows", "follows_id", unique=True, postgresql_where=text("follows_id IS NOT NULL")),
    Index(
        "ix_messages_in_doubt",
        "person_id",
        "doubted_at",
        postgresql_where=text(
            "doubted_at IS NOT NULL AND status IN ('queued', 'deferred', 'failed', 'expired', 'suppressed', 'cancelled')"
        ),
    ),
    Index(
        "ix_messages_doubted",
        "id",
        postgresql_where=text("doubted_at IS NOT NULL AND status IN ('failed', 'expired', 'suppressed', 'cancelled')"),
    ),
    Index("ix_messages_dead", "status", "channel", "reason", "settled_at", postgresql_where=text("status IN ('failed', 'unknown')")),
    Index("ix_messages_provider_id", "provider_id", postgresql_where=text("provider_id IS NOT NULL")),
)

chunks = Sequence("chunks", metadata=metadata)

attempts = Table(
    "attempts",
    metadata,
    id_column(),
    Column("message_id", BigInteger, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("address_id", BigInteger),
    Column("at", When, nullable=False),
    Column("outcome", Text, nullable=False),  # sent, retry, rejected, unknown
    Column("code", Text),
    Column("provider_id", Text),
    Column("account", Text),  # the one that sent it
    Index("ix_attempts_message_id", "message_id"),
    Index("ix_attempts_provider_id", "provider_id", postgresql_where=text("provider_id IS NOT NULL")),
)

popups = Table(
    "popups",
    metadata,
    Column("message_id", BigInteger, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("person_id", BigInteger, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("content", JSONB, nullable=False),
    Column("available_at", When, nullable=False),
    Column("expires_at", When, nullable=False),
    Column("impressions", SmallInteger, nullable=False, server_default=text("0")),
    Column("closed_at", When),  # shown as often as it may be, or dismissed
    Column("offered_at", When),  # when an app was last given it to show
    Column("offered_to", Text),  # the device that was
    Column("shown_at", When),  # the last impression the app told of
    Column("gone_at", When),  # clicked or dismissed: off the screen
    Column("retry_at", When),  # an app could not show it; not offered before
    Index("ix_popups_content", "expires_at", postgresql_where=text("content <> '{}'")),
    Index("ix_popups_open", "person_id", postgresql_where=text("closed_at IS NULL")),
    Index("ix_popups_shown", "person_id", "shown_at", postgresql_where=text("shown_at IS NOT NULL")),
)

popup_tests = Table(
    "popup_tests",
    metadata,
    id_column(),
    Column("person_id", BigInteger, ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("campaign", Text, nullable=False),
    Column("content", JSONB, nullable=False),
    Column("available_at", When, nullable=False),
    Column("expires_at", When, nullable=False),
    Index("ix_popup_tests_person_id", "person_id"),
)
