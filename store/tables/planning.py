"""What is in force and what is to come of it: configurations, approvals, stops, events, runs."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from store.tables.base import When, id_column, metadata

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
    id_column(),
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
    id_column(),
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
    id_column(),
    Column("event_id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("person_id", BigInteger, ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("data", JSONB, nullable=False, server_default=text("'{}'")),
    Column("received_at", When, nullable=False),
    Column("planned_at", When),
    Index("ix_events_data", "planned_at", postgresql_where=text("data <> '{}'")),
    Column("error", Text),  # why it could not be planned; somebody has to look
    Index("ix_events_failed", "id", postgresql_where=text("error IS NOT NULL")),
    Index("ix_events_unplanned", "id", postgresql_where=text("planned_at IS NULL")),
)

runs = Table(
    "runs",
    metadata,
    id_column(),
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
    Column("escalation", JSONB),  # {channel, after (seconds), unless}: what follows a message nobody answered
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("window_keys", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Column("messages", Integer, nullable=False, server_default=text("0")),
    Column("planned_at", When),
    Column("finished_at", When),
    UniqueConstraint("campaign", "occurrence"),
    CheckConstraint("status IN ('due', 'active', 'finished', 'skipped', 'failed')", name="status"),
    Index("ix_runs_finished", "finished_at", "id", postgresql_where=text("status = 'finished'")),
    Index("ix_runs_failed", "id", postgresql_where=text("status = 'failed'")),
    Index("ix_runs_open", "status", "due_at", postgresql_where=text("status IN ('due', 'active')")),
)
