"""Addresses that providers tell of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alias:
    """An address without a place in our books yet. kind: as in channels.base.Address."""

    kind: str
    value: str
