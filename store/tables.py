"""The tables, and the constraints that carry what must never happen. Migrations are tested equal to this page."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Sequence,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

When = DateTime(timezone=True)
NOW = text("now()")


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(), primary_key=True)


# --- people ---------------------------------------------------------------------------------------------------------

people = Table(
    "people",
    metadata,
    _id(),
    Column("customer_no", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("locale", Text, nullable=False, server_default="id"),
    Column("timezone", Text),  # null = the company's
    Column("portfolio_value", Numeric(20, 2)),
    Column("trades_last_month", Integer),
    Column("last_trade_on", Date),
    Column("birthday", Date),
    Column("contact_hours", Text),  # weekly hours as written; null = any
    # {channel: {"marketing": bool, "hours": weekly hours or null}}
    Column("consents", JSONB, nullable=False, server_default=text("'{}'")),
    Column("attributes", JSONB, nullable=False, server_default=text("'{}'")),
    Column("created_at", When, nullable=False, server_default=NOW),
    Column("updated_at", When, nullable=False, server_default=NOW),
)

addresses = Table(
    "addresses",
    metadata,
    _id(),
    Column("person_id", BigInteger, ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("sort", Text, nullable=False),  # push, phone, email …: what Channel.addresses names
    Column("kind", Text, nullable=False),  # within the sort: token or fid, phone or bsuid, email
    Column("value", Text, nullable=False),
    Column("platform", Text),
    Column("listed", Boolean, nullable=False, server_default=text("true")),  # still in the customer file
    Column("dropped_at", When),  # dead by a provider's word; an import does not revive it
    Column("drop_reason", Text),
    UniqueConstraint("person_id", "sort", "value"),
    Index("ix_addresses_value", "value"),
)

# What a person had agreed to at any moment: evidence, and what the audit judges by.
permissions = Table(
    "permissions",
    metadata,
    _id(),
    Column("person_id", BigInteger, ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("recorded_at", When, nullable=False),
    Column("source", Text, nullable=False),
    Column("timezone", Text),
    Column("contact_hours", Text),
    Column("consents", JSONB, nullable=False),
    Index("ix_permissions_person_id_recorded_at", "person_id", "recorded_at"),
)

# A word of the person's own, stronger than any customer file.
optouts = Table(
    "optouts",
    metadata,
    _id(),
    Column("person_id", BigInteger, ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("at", When, nullable=False),
    Column("evidence", Text, nullable=False),
    Column("withdrawn_at", When),
    Index("uq_optouts_live", "person_id", "channel", unique=True, postgresql_where=text("withdrawn_at IS NULL")),
)

# --- what is to be sent ---------------------------------------------------------------------------------------------

versions = Table(
    "versions",
    metadata,
    Column("id", Integer, Identity(), primary_key=True),
    Column("hash", Text, nullable=False, unique=True),
    Column("files", JSONB, nullable=False),  # {path: text}
    Column("published_at", When, nullable=False),
    Column("activated_at", When, nullable=False),  # the newest one is in force; an old version may come back
)

# How far a campaign's trigger has been looked at.
campaigns = Table(
    "campaigns",
    metadata,
    Column("campaign", Text, primary_key=True),
    Column("planned_until", When, nullable=False),
)

approvals = Table(
    "approvals",
    metadata,
    _id(),
    Column("campaign", Text, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("approved_by", Text, nullable=False),
    Column("approved_at", When, nullable=False),
    UniqueConstraint("campaign", "content_hash"),
)

# Live stops: by a person (pause, kill switch) or by a provider's word (StopCampaign, StopChannel).
pauses = Table(
    "pauses",
    metadata,
    _id(),
    Column("campaign", Text),
    Column("channel", Text),
    Column("reason", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", When, nullable=False),
    UniqueConstraint("campaign", "channel", postgresql_nulls_not_distinct=True),  # both null = everything
)

events = Table(
    "events",
    metadata,
    _id(),
    Column("event_id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("person_id", BigInteger, ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("data", JSONB, nullable=False, server_default=text("'{}'")),
    Column("received_at", When, nullable=False),
    Column("planned_at", When),
    Index("ix_events_unplanned", "id", postgresql_where=text("planned_at IS NULL")),
)

runs = Table(
    "runs",
    metadata,
    _id(),
    Column("campaign", Text, nullable=False),
    Column("occurrence", Text, nullable=False),  # nominal local time
    Column("version_id", Integer, ForeignKey("versions.id"), nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("priority", SmallInteger, nullable=False),
    Column("channels", ARRAY(Text), nullable=False),
    Column("due_at", When, nullable=False),
    Column("expires_at", When, nullable=False),
    Column("data", JSONB, nullable=False, server_default=text("'{}'")),  # of the business event
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("window_keys", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("messages", Integer, nullable=False, server_default=text("0")),
    Column("planned_at", When),
    Column("finished_at", When),
    UniqueConstraint("campaign", "occurrence"),
    CheckConstraint("status IN ('due', 'active', 'finished', 'skipped')", name="status"),
    Index("ix_runs_open", "status", "due_at", postgresql_where=text("status IN ('due', 'active')")),
)

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
)

messages = Table(
    "messages",
    metadata,
    _id(),
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
    Column("next_attempt_at", When),  # when a deferred message is looked at again
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
    # The dedup key: one row per person, channel and event in a run, whoever plans it and how often.
    UniqueConstraint("run_id", "person_id", "channel", "event_ref", name="uq_messages_dedup"),
    CheckConstraint(f"status IN ({', '.join(repr(status) for status in STATUSES)})", name="status"),
    Index("ix_messages_queued", "run_id", "channel", "window_key", "id", postgresql_where=text("status = 'queued'")),
    Index("ix_messages_deferred", "next_attempt_at", postgresql_where=text("status = 'deferred'")),
    Index("ix_messages_waiting_expiry", "expires_at", postgresql_where=text("status IN ('queued', 'deferred')")),
    Index("ix_messages_waiting_person", "person_id", postgresql_where=text("status IN ('queued', 'deferred')")),
    Index("ix_messages_chunk", "chunk_id", postgresql_where=text("status = 'released'")),
    Index("ix_messages_outstanding", "channel", postgresql_where=text("status IN ('released', 'sending')")),
    Index("ix_messages_lease", "lease_until", postgresql_where=text("status = 'sending'")),
    Index(
        "ix_messages_contacts",
        "person_id",
        "released_at",
        postgresql_where=text("status IN ('released', 'sending', 'sent', 'delivered', 'read', 'unknown')"),
    ),
    Index("ix_messages_provider_id", "provider_id", postgresql_where=text("provider_id IS NOT NULL")),
)

chunks = Sequence("chunks", metadata=metadata)

attempts = Table(
    "attempts",
    metadata,
    _id(),
    Column("message_id", BigInteger, ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    Column("address_id", BigInteger),
    Column("at", When, nullable=False),
    Column("outcome", Text, nullable=False),  # sent, retry, rejected, unknown
    Column("code", Text),
    Column("provider_id", Text),
    Index("ix_attempts_message_id", "message_id"),
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
    Index("ix_popups_open", "person_id", postgresql_where=text("closed_at IS NULL")),
)

# --- what comes back ------------------------------------------------------------------------------------------------

receipts = Table(
    "receipts",
    metadata,
    _id(),
    Column("source", Text, nullable=False),  # whatsapp, push, popup
    Column("body", LargeBinary, nullable=False),  # as it came; stored before it is understood
    Column("received_at", When, nullable=False),
    Column("retry_at", When),  # its message is not known or not settled yet
    Column("applied_at", When),
    Column("error", Text),
    Index("ix_receipts_pending", "id", postgresql_where=text("applied_at IS NULL")),
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
    Index("ix_interactions_message_id", "message_id"),
    Index("ix_interactions_person_id", "person_id"),
)

# --- the house itself -----------------------------------------------------------------------------------------------

# One row per provider account: pace (GCRA), back-pressure and breaker, seen by every worker.
limits = Table(
    "limits",
    metadata,
    Column("account", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("rate", Double, nullable=False),  # messages a second
    Column("next_free_at", When, nullable=False),  # GCRA's theoretical arrival time
    Column("open_until", When),  # nobody sends before
    Column("failures", Integer, nullable=False, server_default=text("0")),  # in a row
    Column("reason", Text),
)

ticks = Table(
    "ticks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("last_ok_at", When),
    Column("last_error_at", When),
    Column("last_error", Text),
)

audit_log = Table(
    "audit_log",
    metadata,
    _id(),
    Column("at", When, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("detail", JSONB, nullable=False, server_default=text("'{}'")),
)

# Small facts of the instance: the current fault of the configuration, the virtual clock of a demo.
facts = Table(
    "facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", JSONB, nullable=False),
    Column("at", When, nullable=False),
)
