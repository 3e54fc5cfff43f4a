"""Customers from the back office's files: read, cleaned row by row, loaded in one transaction."""

from __future__ import annotations

from jobs.customers.load import Report, import_customers

__all__ = ["Report", "import_customers"]
