"""The runbook's procedures for what failed and for a restore, run as they stand there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url
from typer.testing import CliRunner

from console.cli.app import built
from tests.cli.conftest import Desk, customer, message, run_of
from tests.cli.publishing import publish_config

PAGE = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text(encoding="utf-8")
DEAD = {"status": "failed", "settled_at": "2026-11-20T12:00:00Z"}


def commands(title: str) -> Iterator[list[str]]:
    """The words of each line of the section's shell blocks."""
    section = re.split(rf"^#+ {title}\n", PAGE, flags=re.MULTILINE)[1]
    section = re.split(r"^#{2,3} ", section, flags=re.MULTILINE)[0]
    for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL):
        for line in block.splitlines():
            yield shlex.split(line, comments=True)


def play(desk: Desk, title: str) -> dict[str, str]:
    """Runs them; output by command line. Fails at the first that does."""
    told = {}
    for words in commands(title):
        assert words[0] == "kabar", words
        given = ""
        if "<" in words:
            given = (desk.directory / words[-1]).read_text(encoding="utf-8")
            words = words[: words.index("<")]
        result = CliRunner().invoke(built(words[1]), words[1:], input=given, env=desk.env, prog_name="kabar")
        assert result.exit_code == 0, (words, result.output)
        told[" ".join(words)] = result.stdout
    return told


def scene(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    publish_config(desk)
    monkeypatch.chdir(desk.directory)
    return run_of(desk, "weekly-market"), customer(desk, "C000123")


def test_what_is_in_doubt_is_settled_as_the_runbook_says(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    run, person = scene(desk, monkeypatch)
    doubt = {"status": "unknown", "reason": "timeout", "settled_at": "2026-11-20T12:00:00Z"}
    desk.sql("ALTER TABLE messages ALTER COLUMN id RESTART WITH 4711")
    for channel in ("push", "email", "whatsapp"):
        message(desk, run, person, channel=channel, **doubt)
    (desk.directory / "ids.txt").write_text("4713\n")
    told = play(desk, "Unknown messages")
    assert "timeout" in told["kabar failed --unknown"]
    assert "1 back to queued" in told["kabar replay --failed --id 4712"]
    found = desk.sql("SELECT status FROM messages ORDER BY id")
    assert [row["status"] for row in found] == ["sent", "queued", "failed"]


def test_dead_letters_are_replayed_as_the_runbook_says(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    run, person = scene(desk, monkeypatch)
    desk.sql("ALTER TABLE messages ALTER COLUMN id RESTART WITH 4711")
    for channel, reason in (("push", "tries_used_up:UNAVAILABLE"), ("email", "550 5.7.1"), ("whatsapp", "131026")):
        message(desk, run, person, channel=channel, reason=reason, **DEAD)
    told = play(desk, "Dead letters")
    back = [line for line in "\n".join(told.values()).splitlines() if "back to queued" in line]
    assert back == ["1 would go back to queued", "1 back to queued", "1 back to queued", "1 back to queued"]


def test_a_dump_is_restored_as_the_runbook_says(desk: Desk, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run, person = scene(desk, monkeypatch)
    message(desk, run, person)
    play(desk, "Dump")
    name = f"{make_url(desk.env['KABAR_DATABASE_URL']).database}_new"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = make_url(desk.env["KABAR_DATABASE_URL"]).set(database=name).render_as_string(hide_password=False)
    new = Desk(desk.env | {"KABAR_DATABASE_URL": url}, desk.directory)
    try:
        [first, *_] = commands("Restore")
        assert new.kabar(*first[1:]).exit_code == 0
        new.sql("INSERT INTO ticks (name, last_ok_at) VALUES ('plan', now() + interval '1 second')")  # a scheduler was started
        told = {" ".join(words): new.kabar(*words[1:]) for words in list(commands("Restore"))[1:]}
        assert {result.exit_code for result in told.values()} == {0}, told
        assert "everything is stopped: restored from a dump of" in told["kabar status"].stdout
        assert new.sql("SELECT status FROM messages") == [{"status": "unknown"}]
        assert new.sql("SELECT FROM pauses") == []
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
