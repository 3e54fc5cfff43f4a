"""The tables, and the constraints that carry what must never happen. Migrations are tested equal to this room."""

from __future__ import annotations

from store.tables.access import api_keys
from store.tables.base import metadata
from store.tables.customers import addresses, erasure_key, people, permissions, tombstones
from store.tables.house import audit_log, facts, limits, slow_domains, stopped_platforms, ticks
from store.tables.incoming import interactions, receipts, unknown_receipts
from store.tables.outgoing import STATUSES, attempts, chunks, messages, popup_tests, popups
from store.tables.planning import approvals, campaigns, events, pauses, runs, versions
from store.tables.reach import holds, quotas, reached, registered, suspicions
from store.tables.suppressions import suppressions

__all__ = [
    "STATUSES",
    "addresses",
    "api_keys",
    "approvals",
    "attempts",
    "audit_log",
    "campaigns",
    "chunks",
    "erasure_key",
    "events",
    "facts",
    "holds",
    "interactions",
    "limits",
    "messages",
    "metadata",
    "pauses",
    "people",
    "permissions",
    "popup_tests",
    "popups",
    "quotas",
    "reached",
    "receipts",
    "registered",
    "runs",
    "slow_domains",
    "stopped_platforms",
    "suppressions",
    "suspicions",
    "ticks",
    "tombstones",
    "unknown_receipts",
    "versions",
]
