"""Who is written to: customers, their addresses and what they agreed to."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from store.tables.base import NOW, When, id_column, metadata

people = Table(
    "people",
    metadata,
    id_column(),
    Column("customer_no", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("locale", Text, nullable=False, server_default="id"),
    Column("timezone", Text),  # null = the company's
    Column("portfolio_value", Numeric(20, 2)),
    Column("trades_last_month", Integer),
    Column("last_trade_on", Date),
    Column("birthday", Date),
    Column("contact_hours", Text),  # weekly hours as written; null = any
    Column("hours_chosen_at", When),  # by the person, on the preference page: no file changes them after that
    # {channel: {"marketing": bool, "hours": weekly hours or null}}
    Column("consents", JSONB, nullable=False, server_default=text("'{}'")),
    Column("attributes", JSONB, nullable=False, server_default=text("'{}'")),
    Column("created_at", When, nullable=False, server_default=NOW),
    Column("updated_at", When, nullable=False, server_default=NOW),
    Column("forgotten_at", When),  # nothing here says any more who it was; messages and permissions stay under the id
)

addresses = Table(
    "addresses",
    metadata,
    id_column(),
    Column("person_id", BigInteger, ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("sort", Text, nullable=False),  # push, phone, email …: what Channel.addresses names
    Column("kind", Text, nullable=False),  # within the sort: token or fid, phone or bsuid, email
    Column("value", Text, nullable=False),
    Column("platform", Text),
    Column("listed", Boolean, nullable=False, server_default=text("true")),  # still in the customer file
    Column("learned_at", When),  # told by a provider, not by the customer file, which does not take it away
    Column("evidence", Text),
    UniqueConstraint("person_id", "sort", "value"),
    Index("ix_addresses_value", "value"),
)

# What a person had agreed to at any moment: evidence, and what the audit judges by.
permissions = Table(
    "permissions",
    metadata,
    id_column(),
    Column("person_id", BigInteger, ForeignKey("people.id", ondelete="CASCADE"), nullable=False),
    Column("recorded_at", When, nullable=False),
    Column("source", Text, nullable=False),
    Column("timezone", Text),
    Column("contact_hours", Text),
    Column("consents", JSONB, nullable=False),
    Index("ix_permissions_person_id_recorded_at", "person_id", "recorded_at"),
)

# Who was forgotten: no file, event or receipt brings them back until somebody readmits them. key: of the customer number, hashed.
tombstones = Table(
    "tombstones",
    metadata,
    id_column(),
    Column("key", Text, nullable=False),
    Column("person_id", BigInteger, ForeignKey("people.id")),  # what is left of them
    Column("forgotten_at", When, nullable=False),
    Column("forgotten_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("readmitted_at", When),
    Column("readmitted_by", Text),
    Column("readmit_reason", Text),
    CheckConstraint(
        "(readmitted_at IS NULL) = (readmitted_by IS NULL) AND (readmitted_at IS NULL) = (readmit_reason IS NULL)", name="readmitted"
    ),
    Index("uq_tombstones_key", "key", unique=True, postgresql_where=text("readmitted_at IS NULL")),
)

# What the hashes of the forgotten are made with (store/erased.py): the two pads of one HMAC key, in one row, made with the database.
erasure_key = Table(
    "erasure_key",
    metadata,
    Column("one", Boolean, primary_key=True, server_default=text("true")),
    Column("inner_pad", LargeBinary, nullable=False),
    Column("outer_pad", LargeBinary, nullable=False),
    CheckConstraint("one", name="one"),
)
