"""Who may call the HTTP face."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY

from store.tables.base import When, metadata

# A key itself is nowhere: only its hash.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),  # the part of a key that says which one it is
    Column("name", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", When, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", When),
    Column("last_used_at", When),  # to the minute
    Column("revoked_at", When),
    Column("revoked_by", Text),
    CheckConstraint("length(hash) = 32", name="hash"),
    CheckConstraint("cardinality(scopes) > 0", name="scopes"),
    Index("uq_api_keys_name", "name", unique=True, postgresql_where=text("revoked_at IS NULL")),
)
