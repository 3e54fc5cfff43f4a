"""The house itself: limits, ticks, what operators did."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Integer,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from store.tables.base import When, metadata

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
    Column("share", Double, nullable=False, server_default=text("1")),  # relative to the channel's other accounts
    Column("used", Double, nullable=False, server_default=text("0")),  # leased lately, forgotten within seconds, as of used_at
    Column("used_at", When),
    Column("breaker", Text, nullable=False, server_default=text("'closed'")),
    Column("opened", Integer, nullable=False, server_default=text("0")),  # openings since it was last closed
    Column("probe_until", When),  # half open: until then one message of one worker tries, and nobody else
    Column("tried", Double, nullable=False, server_default=text("0")),  # answers of late; older ones count less
    Column("failed", Double, nullable=False, server_default=text("0")),  # of those, the bad ones
    Column("latency", Double),  # seconds until an answer, moving average
    Column("urgent_free_at", When),  # from when on the next important message may go at once, before what is leased
    Column("stopped_at", When),  # by hand, or on the provider's word; until somebody resumes it
    CheckConstraint("breaker IN ('closed', 'open', 'half_open')", name="breaker"),
)

# Receiving domains that asked for less mail. strikes: how often in a row; the pause doubles with each.
slow_domains = Table(
    "slow_domains",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("domain", Text, primary_key=True),
    Column("until", When, nullable=False),  # nothing goes to it before
    Column("strikes", Integer, nullable=False),
    Column("reason", Text, nullable=False),
)

# Devices of these are left out; `kabar resume` lifts it.
stopped_platforms = Table(
    "stopped_platforms",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("platform", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("set_at", When, nullable=False),
)

ticks = Table(
    "ticks",
    metadata,
    Column("name", Text, primary_key=True),
    Column("last_ok_at", When),
    Column("last_error_at", When),
    Column("last_error", Text),
)

# What operators did. Appended to and nothing else, which a trigger sees to; store/chain.py says what the hashes are.
audit_log = Table(
    "audit_log",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),  # the last one + 1
    Column("at", When, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("detail", JSONB, nullable=False, server_default=text("'{}'")),
    Column("prev_hash", Text, nullable=False, unique=True),  # no two rows follow one
    Column("hash", Text, nullable=False),
)

# Small facts of the instance: the current fault of the configuration, the virtual clock of a demo.
facts = Table(
    "facts",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", JSONB, nullable=False),
    Column("at", When, nullable=False),
)
