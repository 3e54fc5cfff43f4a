"""The stage of tests/core, for the examples that are played."""

from __future__ import annotations

from tests.core.conftest import stage

__all__ = ["stage"]
