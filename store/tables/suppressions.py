"""Whom and what not to write to: dead addresses, opt-outs, complaints, each with its evidence and its end."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table, Text, text

from store.tables.base import When, id_column, metadata

# A word of the person's own, or of whoever carries our messages: stronger than any customer file. A row names a person, or else an
# address, which holds for everybody who has it, had it, or gets it later.
suppressions = Table(
    "suppressions",
    metadata,
    id_column(),
    Column("kind", Text, nullable=False),
    Column("channel", Text),  # whose offers; null for an address, which is dead for everything
    Column("person_id", BigInteger, ForeignKey("people.id", ondelete="CASCADE")),
    Column("sort", Text),
    Column("value", Text),  # an e-mail address in lower case, everything else as in addresses
    Column("at", When, nullable=False),  # when it was said or found
    Column("recorded_at", When, nullable=False),  # since when it holds
    Column("source", Text, nullable=False),
    Column("code", Text),  # the provider's own
    Column("evidence", Text, nullable=False),
    Column("lifted_at", When),
    Column("lifted_by", Text),
    Column("lift_evidence", Text),
    CheckConstraint("kind IN ('address', 'opt_out', 'complaint')", name="kind"),
    CheckConstraint("(person_id IS NULL) = (value IS NOT NULL) AND (value IS NULL) = (sort IS NULL)", name="whom"),
    CheckConstraint("CASE WHEN kind = 'address' THEN value IS NOT NULL AND channel IS NULL ELSE channel IS NOT NULL END", name="what"),
    CheckConstraint("(lifted_at IS NULL) = (lifted_by IS NULL) AND (lifted_at IS NULL) = (lift_evidence IS NULL)", name="lift"),
    Index(
        "uq_suppressions_person",
        "person_id",
        "channel",
        "kind",
        unique=True,
        postgresql_where=text("lifted_at IS NULL AND person_id IS NOT NULL"),
    ),
    Index("uq_suppressions_dead", "value", "sort", unique=True, postgresql_where=text("lifted_at IS NULL AND kind = 'address'")),
    Index(
        "uq_suppressions_word",
        "value",
        "sort",
        "channel",
        "kind",
        unique=True,
        postgresql_where=text("lifted_at IS NULL AND kind <> 'address' AND value IS NOT NULL"),
    ),
    Index("ix_suppressions_person_id", "person_id", postgresql_where=text("person_id IS NOT NULL")),
    Index("ix_suppressions_value", "value", postgresql_where=text("value IS NOT NULL")),
)
