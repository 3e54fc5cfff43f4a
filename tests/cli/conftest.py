"""The real entry in this process: a database of the test's own, a small configuration, settings by environment alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from typer.testing import CliRunner, Result

from console.cli.app import built
from tests.world import campaign, files


@dataclass(frozen=True)
class Desk:
    """An operator's desk: a shell with its variables."""

    env: dict[str, str]
    directory: Path

    @property
    def config(self) -> Path:
        return Path(self.env["KABAR_CONFIG_DIR"])

    def kabar(self, *words: str, **env: str) -> Result:
        return CliRunner().invoke(built(words[0]), list(words), env=self.env | env, prog_name="kabar")

    def write(self, **texts: str) -> None:
        """A configuration of the given campaign files and, by keyword, other texts of it."""
        for path, text in texts.items():
            file = self.config / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")

    def sql(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.env["KABAR_DATABASE_URL"], autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Desk:
    made = Desk(
        {"KABAR_DATABASE_URL": database_url, "KABAR_CONFIG_DIR": str(tmp_path / "config"), "USER": "sari", "LOGNAME": "sari"}, tmp_path
    )
    offer = campaign("win-back", category="promo", channels="{first: [whatsapp, email]}", when='{cron: "0 8 * * sat"}', owner="crm")
    told = campaign("kyc-rejected", category="service", audience="everyone", channels="[email]", when="{event: kyc.rejected}")
    made.write(**files(campaign(), offer, told))
    return made


@pytest.fixture(autouse=True)
def _sets_logging_up(own_logging: None) -> None:
    """Each command does for its process."""


def customer(desk: Desk, number: str = "C000001", **columns: Any) -> int:
    """One customer with a push token, a phone and an e-mail address; returns the id."""
    values = {"customer_no": number, "name": "Budi Santoso", "portfolio_value": 1_000_000, "locale": "id"} | columns
    names = ", ".join(values)
    places = ", ".join(f"%({name})s" for name in values)
    [row] = desk.sql(f"INSERT INTO people ({names}) VALUES ({places}) RETURNING id", **values)
    for sort, kind, value in (("push", "token", "tok"), ("phone", "phone", "+628120000"), ("email", "email", "c@example.com")):
        desk.sql(
            "INSERT INTO addresses (person_id, sort, kind, value) VALUES (%(id)s, %(sort)s, %(kind)s, %(value)s)",
            id=row["id"], sort=sort, kind=kind, value=f"{value}-{number}",
        )  # fmt: skip
    return int(row["id"])


def run_of(desk: Desk, name: str = "hello", *, status: str = "active", occurrence: str = "2026-11-20T18:45") -> int:
    """A run of a campaign; returns the id."""
    [version] = desk.sql(
        """INSERT INTO versions (hash, files, published_at, activated_at) VALUES ('old', '{}', '2020-01-01', '2020-01-01')
           ON CONFLICT (hash) DO UPDATE SET hash = 'old' RETURNING id"""
    )
    [row] = desk.sql(
        """INSERT INTO runs (campaign, occurrence, version_id, content_hash, category, priority, channels, due_at, expires_at, status)
           VALUES (%(name)s, %(occurrence)s, %(version)s, 'h', 'reminder', 50, '{push}', now(), now() + interval '7 days', %(status)s)
           RETURNING id""",
        name=name, version=version["id"], status=status, occurrence=occurrence,
    )  # fmt: skip
    return int(row["id"])


def message(desk: Desk, run: int, person: int, **columns: Any) -> int:
    """A message; returns the id."""
    values = {
        "run_id": run,
        "person_id": person,
        "channel": "push",
        "category": "reminder",
        "variant": 0,
        "window_key": "win:any-time@Asia/Jakarta",
        "status": "queued",
        "queued_at": "2026-11-20T11:45:00Z",
        "expires_at": "2036-11-20T11:45:00Z",
    } | columns
    names, places = ", ".join(values), ", ".join(f"%({name})s" for name in values)
    [row] = desk.sql(f"INSERT INTO messages ({names}) VALUES ({places}) RETURNING id", **values)
    return int(row["id"])


def audited(desk: Desk) -> list[tuple[str, str]]:
    """(actor, action) of the audit log, the oldest first."""
    return [(row["actor"], row["action"]) for row in desk.sql("SELECT actor, action FROM audit_log ORDER BY id")]


def without_a_database(desk: Desk) -> Desk:
    """The same desk where no server is named."""
    return Desk({name: value for name, value in desk.env.items() if name != "KABAR_DATABASE_URL"}, desk.directory)
