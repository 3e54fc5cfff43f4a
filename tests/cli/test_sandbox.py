"""kabar sandbox: its files are its owner's alone, and the settings it writes stay whole however often it starts."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Iterator
from pathlib import Path

from tests.cli.conftest import Desk
from tests.cli.test_daemon import SECONDS, read_until, started

FILES = ("sandbox.env", "sandbox.jsonl")


def played(desk: Desk, **env: str) -> dict[str, str]:
    """The settings of sandbox.env after one sandbox came and went."""
    words = ("sandbox", "--http-port", "0", "--smtp-port", "0")
    with started(*words, env=desk.env | {"KABAR_VAR_DIR": str(desk.directory / "var")} | env) as process:
        read_until(process, "what customers see")
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, rest
    return dict(settings(desk.directory / "var" / "sandbox.env"))


def settings(file: Path) -> Iterator[tuple[str, str]]:
    for line in file.read_text(encoding="utf-8").splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        yield name, "".join(shlex.split(value))


def test_its_files_are_its_owners_alone_and_started_again_from_a_shell_with_its_settings_it_writes_the_same_key(desk: Desk) -> None:
    (desk.directory / "var").mkdir()
    for name in FILES:  # of a sandbox before this one
        (desk.directory / "var" / name).touch(mode=0o644)
    first = played(desk)
    for name in (*FILES, "sandbox-credentials.json"):
        assert (desk.directory / "var" / name).stat().st_mode & 0o777 == 0o600, name
    assert first["KABAR_EMAIL__HOST"] == "127.0.0.1"
    assert first["KABAR_PUSH__ENDPOINT"].startswith("http://127.0.0.1:")
    assert first["KABAR_HTTP__API_KEY"] == "sandbox-api-key"
    assert played(desk, **first)["KABAR_HTTP__API_KEY"] == "sandbox-api-key"


def test_a_key_of_the_operators_own_is_not_repeated(desk: Desk) -> None:
    assert "KABAR_HTTP__API_KEY" not in played(desk, KABAR_HTTP__API_KEY="the-operators-own")
