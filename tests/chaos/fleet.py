"""Kabar as it is run: a database, the processes of the Procfile, and the providers in a process of their own, on this machine."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any, Self

import psycopg
from psycopg.rows import dict_row

from store.engine import open_database
from store.schema import upgrade
from tests.chaos.postgres import Postgres, free_port, roomy
from tests.chaos.services import Service, Services

KABAR = Path(sys.executable).with_name("kabar")
KEY = "chaos"
LOOK = 0.1  # seconds between two looks at what is waited for
DAEMONS = {"scheduler": ("scheduler",), "worker-1": ("worker",), "worker-2": ("worker",), "web": ("web",)}
SANDBOX = "sandbox"


class TooLate(AssertionError):
    """What was waited for did not come."""


@dataclass
class Fleet:
    """Use it as a context manager: whatever happens inside, nothing of it is left running.

    config:   file → text, as operations write it
    settings: KABAR_* beside the fleet's own; may be changed until the daemons are started
    daemons:  name → words of the command
    """

    config: Mapping[str, str]
    settings: dict[str, str] = field(default_factory=dict)
    daemons: Mapping[str, Sequence[str]] = field(default_factory=lambda: dict(DAEMONS))
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="kabar-chaos-", dir=roomy())))

    def __post_init__(self) -> None:
        self.services, self.postgres = Services(), Postgres(self.folder)
        self.web = f"http://127.0.0.1:{(port := free_port())}"
        self.truth = self.folder / "sandbox.jsonl"  # what the providers wrote down
        for path, text in self.config.items():
            file = self.folder / "config" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        self.environment = {
            "KABAR_CONFIG_DIR": str(self.folder / "config"),
            "KABAR_VAR_DIR": str(self.folder),
            "KABAR_HTTP__PORT": str(port),
            "KABAR_HTTP__API_KEY": KEY,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self.services.close()
        if self.postgres.running:
            self.postgres.stop("immediate")
        if kind is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            print(f"the logs of every process are in {self.folder}", file=sys.stderr)

    def start(self) -> None:
        """Everything, until all are ready."""
        self.start_database()
        self.start_providers()
        self.start_daemons()

    def start_database(self) -> None:
        """With the newest schema and nothing in it."""
        self.postgres.create()
        self.environment["KABAR_DATABASE_URL"] = self.postgres.url()
        asyncio.run(self._migrate())

    async def _migrate(self) -> None:
        database = open_database(self.postgres.url())
        await upgrade(database)
        await database.close()

    def start_providers(self) -> None:
        """Afterwards `environment` holds where they are, and may be changed to what stands between."""
        words = ("sandbox", "--http-port", "0", "--smtp-port", "0", "--webhook", f"{self.web}/v1/receipts/whatsapp")
        self._add(SANDBOX, words)
        self.wait_until(lambda: self.services.all[SANDBOX].said("# what customers see"), 60, "the providers are there")
        lines = (self.folder / "sandbox.env").read_text(encoding="utf-8").splitlines()
        self.environment |= dict(line.removeprefix("export ").replace("'", "").split("=", 1) for line in lines)
        self.sandbox = self.environment["KABAR_PUSH__ENDPOINT"]

    def start_daemons(self) -> None:
        self.environment |= self.settings
        for name, words in self.daemons.items():
            self._add(name, words)
        for name in self.daemons:
            self.wait_until_ready(name)

    def _add(self, name: str, words: Sequence[str]) -> None:
        self.services.add(Service(name, (KABAR, *words), self.folder / f"{name}.log", dict(self.environment)))

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> bool:
        """False when it is not running just now. It is started again by itself, half a second after it has ended."""
        return self.services.kill(name, number)

    def kabar(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command, as an operator gives it; its end is awaited."""
        return subprocess.run((KABAR, *words), env=os.environ | self.environment, capture_output=True, text=True, check=False)

    def restart(self, name: str) -> None:
        """After `services.stop`."""
        self.services.start(name)

    def wait_until_ready(self, name: str, within: float = 60) -> None:
        word = f"{self.daemons[name][0]}.started"
        self.wait_until(lambda: self.services.all[name].said(word), within, f"{name} says {word}")

    def wait_until(self, come: Callable[[], object], within: float, what: str) -> float:
        """How many seconds it took. Raises TooLate."""
        since, pause = monotonic(), Event()
        while not come():
            if monotonic() - since > within:
                raise TooLate(f"not within {within:g} s: {what}; the logs are in {self.folder}")
            pause.wait(LOOK)
        return monotonic() - since

    def sql(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """Past any proxy."""
        with psycopg.connect(self.postgres.url(), autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    @property
    def ended(self) -> dict[str, list[int]]:
        """Exit codes of daemons that ended though nobody here ended them."""
        return {name: service.ends for name, service in self.services.all.items() if service.ends}
