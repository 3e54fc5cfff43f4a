"""A hostile newcomer: every mistake ends in a line that names it and the way out, exit code 1, and nothing half done."""

from __future__ import annotations

import json
import os
import socket
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.conftest import Desk

PUSH = {"KABAR_PUSH__PROJECT": "kabar"}
MAIL = {"KABAR_EMAIL__HOST": "127.0.0.1", "KABAR_EMAIL__SENDER": "Kabar <kabar@example.com>"}
ACCOUNT = json.dumps(
    {"type": "service_account", "client_email": "a@b.c", "token_uri": "https://x", "private_key": "none", "private_key_id": "k"}
)
HEADER = b"customer_no,name,email\n"


def refused(desk: Desk, *words: str, **env: str) -> str:
    """The one thing that is said."""
    result = desk.kabar(*words, **env)
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    assert "unexpected" not in result.output
    return result.stderr or result.stdout


@pytest.mark.parametrize("text", ["", "garbage", "{}", "[]", "\0", ACCOUNT])
def test_a_credentials_file_of_another_kind_names_its_variable(desk: Desk, text: str) -> None:
    file = desk.directory / "account.json"
    file.write_text(text)
    for words in (("worker",), ("send-test", "hello", "--to", "token")):
        told = refused(desk, *words, **PUSH, KABAR_PUSH__CREDENTIALS_FILE=str(file))
        assert f"KABAR_PUSH__CREDENTIALS_FILE: {file} is not a service account key file" in told


@pytest.mark.parametrize("name", ["DKIM_KEY_FILE", "CA_FILE"])
def test_a_key_that_is_none_names_its_variable(desk: Desk, name: str) -> None:
    file = desk.directory / "key.pem"
    file.write_text("-----BEGIN NOTHING-----\n")
    env = MAIL | {f"KABAR_EMAIL__{name}": str(file)} | ({"KABAR_EMAIL__DKIM_SELECTOR": "s"} if name == "DKIM_KEY_FILE" else {})
    assert f"KABAR_EMAIL__{name}: {file} " in refused(desk, "send-test", "win-back", "--to", "me@example.com", **env)


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"KABAR_EMAIL__PORT": "abc"}, 'KABAR_EMAIL__PORT: "abc" is refused: Input should be a valid integer'),
        ({"KABAR_HTTP__PORT": "99999"}, 'KABAR_HTTP__PORT: "99999" is refused: Input should be less than or equal to 65535'),
        ({"KABAR_HTTP": "{port"}, "KABAR_*: error parsing value"),
        ({"KABAR_PUSH__CREDENTIALS_FILE": "nowhere"}, 'KABAR_PUSH__CREDENTIALS_FILE: "nowhere" is refused'),
        ({"KABAR_EMAIL__DKIM_SELECTOR": "s"}, "KABAR_EMAIL__DKIM_KEY_FILE and KABAR_EMAIL__DKIM_SELECTOR go together"),
        ({"KABAR_EMAIL__PASSWORD": "hush", "KABAR_EMAIL__USERNAME": "u", "KABAR_EMAIL__SECURITY": "none"}, "KABAR_EMAIL__SECURITY=none"),
    ],
)
def test_a_wrong_setting_is_shown_with_its_value(desk: Desk, env: Mapping[str, str], told: str) -> None:
    shown = refused(desk, "check", **env)
    assert told in shown
    assert "hush" not in shown


def test_a_misspelt_setting_is_not_passed_over(desk: Desk) -> None:
    shown = desk.kabar("check", KABAR_HTTP__PROT="8081", KABAR_ACCOUNTS__PUSH2__TOKEN="t").stdout
    assert 'hint: KABAR_HTTP__PROT: is no setting, it does nothing; did you mean "KABAR_HTTP__PORT"?' in shown
    assert "PUSH2" not in shown


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite:///kabar.db", '"sqlite" is not supported; Kabar runs on PostgreSQL'),
        ("mysql://kabar:hush@db/kabar", '"mysql" is not supported'),
        ("kabar", "is not a database URL; write postgresql://"),
        ("postgresql://kabar:hush@db:port/kabar", "is not a database URL"),
        ("postgresql://kabar:hush@127.0.0.1:99999/kabar", "cannot reach the database"),
    ],
)
def test_a_database_of_another_kind_is_refused(desk: Desk, url: str, told: str) -> None:
    shown = refused(desk, "status", KABAR_DATABASE_URL=url)
    assert f"KABAR_DATABASE_URL: {told}" in shown
    assert "hush" not in shown


def test_a_place_where_no_database_can_live_is_told(desk: Desk) -> None:
    desk.env.pop("KABAR_DATABASE_URL")
    (desk.directory / "file").write_text("")
    old, junk = desk.directory / "old", desk.directory / "junk"
    for folder, text in ((old, "9\n"), (junk, "junk")):
        (folder / "postgres").mkdir(parents=True)
        (folder / "postgres" / "PG_VERSION").write_text(text)
    for name, told in (
        ("file", "cannot keep a database under"),
        ("with space", "has a space in it"),
        ("old", "found version 9"),
        ("junk", "its files are not those of a database"),
    ):
        shown = refused(desk, "status", KABAR_VAR_DIR=str(desk.directory / name))
        assert shown.startswith("KABAR_VAR_DIR: ")
        assert told in shown
        assert "or set KABAR_DATABASE_URL" in shown


def test_a_port_in_use_is_found_before_anything_begins(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = refused(desk, "up", KABAR_HTTP__PORT=port, KABAR_DATABASE_URL="postgresql://127.0.0.1:1/nobody")
        assert told.strip().endswith(f"KABAR_HTTP__PORT={int(port) + 1}")
        assert f"port {port} is in use" in refused(desk, "web", KABAR_HTTP__PORT=port)
    assert desk.sql("SELECT * FROM versions") == []


def test_a_file_that_holds_no_customers_brings_none(desk: Desk) -> None:
    with zipfile.ZipFile(desk.directory / "zip.xlsx", "w") as book:
        book.writestr("a.txt", "x")
    files = {
        "zero.csv": b"",
        "binary.csv": os.urandom(5000),
        "broken.xlsx": b"PK\x03\x04 no more",
        "huge.csv": HEADER + b"C1," + b"x" * 200_000 + b",\n",
        "header.csv": b"nomor,alamat\n1,x\n",
        "utf16.csv": "customer_no,name\nC1,José\n".encode("utf-16"),
    }
    for name, content in files.items():
        (desk.directory / name).write_bytes(content)
    (desk.directory / "folder").mkdir()
    for name in (*files, "zip.xlsx", "folder", "nowhere.csv"):
        assert str(desk.directory / name) in refused(desk, "import", "customers", str(desk.directory / name))
    assert desk.sql("SELECT * FROM people") == []
    assert not list(desk.directory.glob("*.rejects.csv"))


def test_an_export_that_cannot_be_written_leaves_nothing(desk: Desk) -> None:
    (desk.directory / "folder").mkdir()
    for out in (desk.directory / "nowhere" / "m.csv", desk.directory / "folder"):
        assert f"--out: {out} cannot be written: " in refused(desk, "export", "messages", "--out", str(out))
    assert not list(desk.directory.glob("*.part"))


def test_names_nobody_knows_are_told(desk: Desk) -> None:
    for words, told in (
        (("why", "C404"), 'there is no customer "C404"'),
        (("why", "\udce9"), "is not UTF-8"),
        (("preview", "helo"), 'did you mean "hello"?'),
        (("preview", "hello", "--customer", "C404"), 'there is no customer "C404"'),
        (("approve", "win-bak", "--by", "dewi"), 'did you mean "win-back"?'),
        (("resume", "--campaign", "helo"), 'did you mean "hello"?'),
        (("replay", "--failed", "--campaign", "helo"), "helo"),
    ):
        assert told in refused(desk, *words)


def test_a_database_that_fails_in_the_middle_is_no_traceback(desk: Desk) -> None:
    desk.sql("ALTER DATABASE " + Path(desk.env["KABAR_DATABASE_URL"].split("?")[0]).name + " SET statement_timeout = '1ms'")
    assert "KABAR_DATABASE_URL: " in refused(desk, "status")
