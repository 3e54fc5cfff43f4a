"""What providers say of people and texts: who is left alone, who counts, who is not there, what may be sent."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from store.tables.base import When, metadata

# Nobody sends to this person on this channel before `until`; of scope offers: no offers.
holds = Table(
    "holds",
    metadata,
    Column("person_id", BigInteger, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("scope", Text, primary_key=True),  # any, offers
    Column("until", When, nullable=False),
    Column("reason", Text, nullable=False),  # on_its_way, spacing, or the provider's code
)

# How many different people a channel's provider allows in any 24 hours.
quotas = Table(
    "quotas",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("people", Integer),  # null = as many as there are
)

# People who count against it until then.
reached = Table(
    "reached",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("person_id", BigInteger, ForeignKey("people.id", ondelete="CASCADE"), primary_key=True),
    Column("until", When, nullable=False),
    Index("ix_reached_channel_until", "channel", "until"),
)

# Messages that a provider says nobody was there for, by the address they went to.
suspicions = Table(
    "suspicions",
    metadata,
    Column("address_id", BigInteger, ForeignKey("addresses.id", ondelete="CASCADE"), primary_key=True),
    Column("message_id", BigInteger, ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    Column("at", When, nullable=False),
    Column("code", Text, nullable=False),
)

# Texts that a provider approves, and its last word on each.
registered = Table(
    "registered",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("word", Text, nullable=False),
    Column("at", When, nullable=False),
)
