"""A newcomer finds the way from --help alone."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from console.cli.app import built

COMMANDS = (
    "up", "scheduler", "worker", "web", "check", "import customers", "emit", "preview", "rehearse", "why", "status", "pause", "resume",
    "failed", "resolve",
    "keys create", "keys list", "keys revoke",
    "approve", "send-test", "export messages", "export person", "forget", "readmit", "audit", "audit-log verify",
    "replay", "sandbox", "db upgrade",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(built(), [*command.split(), "--help"])
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_the_help_shows_commands_in_groups() -> None:
    shown = CliRunner().invoke(built(), ["--help"]).stdout
    assert all(f" {command.split()[0]} " in shown for command in COMMANDS)
    assert "What goes out" in shown
    assert "kabar sandbox" in shown


def test_an_unknown_command_is_wrong_usage_and_gets_a_suggestion() -> None:
    result = CliRunner().invoke(built(), ["staus"])
    assert result.exit_code == 2
    assert "status" in result.stderr


def test_a_wrong_setting_names_itself() -> None:
    result = CliRunner().invoke(built(), ["check"], env={"KABAR_HTTP__PORT": "eighty"})
    assert result.exit_code == 1
    assert "KABAR_HTTP__PORT" in result.stderr
    assert "Traceback" not in result.output


def test_a_command_starts_without_what_only_the_others_need() -> None:
    loads = "import sys; from console.cli.app import built; built('worker'); print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, check=True).stdout.split()
    assert "scheduler.daemon" in found
    assert {"fastapi", "aiosmtpd", "openpyxl", "console.http", "console.cli.demo"} & set(found) == set()
