"""Alembic migrations; `upgrade` runs them."""
