"""The suppression list in files: one row to one entry, and a whole list loaded in one transaction."""

from __future__ import annotations

from jobs.suppressions.load import Report, import_suppressions
from jobs.suppressions.rows import KINDS, Defaults, address_of

__all__ = ["KINDS", "Defaults", "Report", "address_of", "import_suppressions"]
