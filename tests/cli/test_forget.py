"""kabar forget, readmit and export tombstones, as an operator meets them."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Desk, audited, customer
from tests.cli.publishing import publish_config


def test_a_customer_is_forgotten_found_to_be_and_let_in_again(desk: Desk) -> None:
    publish_config(desk)
    customer(desk)
    assert desk.kabar("forget", "C000001").exit_code == 2
    done = desk.kabar("forget", "C000001", "--reason", "surat Budi Santoso, CRM-1182", "--by", "dewi")
    assert (done.exit_code, done.stdout) == (0, "customer C000001 is forgotten: 0 messages stopped, 0 rows of what was sent emptied\n")
    for words in (("why", "C000001"), ("emit", "kyc.updated", "--customer", "C000001"), ("preview", "hello", "--customer", "C000001")):
        told = desk.kabar(*words)
        assert told.exit_code == 1
        assert "C000001 was forgotten on 20" in told.stderr
        assert "by dewi (surat ***, CRM-1182); if this is a customer again: kabar readmit C000001" in told.stderr
    again = desk.kabar("forget", "C000001", "--reason", "once more")
    assert again.exit_code == 0
    assert "was forgotten on" in again.stdout
    [line] = desk.kabar("export", "tombstones").stdout.splitlines()
    assert json.loads(line)["forgotten_by"] == "dewi"
    assert "C000001" not in line
    assert desk.kabar("readmit", "C000001", "--reason", "new account", "--by", "dewi").exit_code == 0
    assert desk.kabar("readmit", "C000001", "--reason", "new account").exit_code == 1
    assert audited(desk) == [("dewi", "forget"), ("sari", "export.tombstones"), ("dewi", "readmit")]
    assert "there is no customer" in desk.kabar("forget", "C000001", "--reason", "x").stderr


def test_tombstones_taken_away_are_set_again_after_a_restore(desk: Desk) -> None:
    customer(desk)
    customer(desk, "C000002")
    desk.kabar("forget", "C000001", "--reason", "CRM-1182")
    file = desk.directory / "tombstones.jsonl"
    assert desk.kabar("export", "tombstones", "--out", str(file)).exit_code == 0
    desk.sql("DELETE FROM tombstones")
    desk.sql("UPDATE people SET customer_no = 'C000001', name = 'Budi Santoso', forgotten_at = NULL WHERE forgotten_at IS NOT NULL")
    assert "1 of " in desk.kabar("forget", "--from", str(file)).stdout
    assert [row["customer_no"] for row in desk.sql("SELECT customer_no FROM people WHERE forgotten_at IS NULL")] == ["C000002"]
    file.write_text('{"key": 1}\n')
    broken = desk.kabar("forget", "--from", str(file))
    assert (broken.exit_code, f"{file}:1" in broken.stderr) == (1, True)


GOOD = b'{"key": "00", "forgotten_at": "2026-11-20T12:00:00Z", "forgotten_by": "dewi", "reason": "CRM-1182"}\n'


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe",
        b"[" * 100_000,
        b"[1]",
        GOOD.replace(b'"00"', b"5"),
        GOOD.replace(b'"dewi"', b"null"),
        GOOD.replace(b'"CRM-1182"', b"[]"),
        GOOD.replace(b"12:00:00Z", b"12:00:00"),
        GOOD.replace(b"CRM", b"\\u0000"),
    ],
)
def test_a_line_that_is_no_tombstone_is_named_before_anybody_is_forgotten(desk: Desk, line: bytes) -> None:
    file = desk.directory / "tombstones.jsonl"
    file.write_bytes(GOOD + line.strip() + b"\n")
    result = desk.kabar("forget", "--from", str(file))
    assert (result.exit_code, f"{file}:2: is no line of `kabar export tombstones`" in result.stderr) == (1, True), result.stderr
    assert desk.sql("SELECT 1 FROM tombstones") == []


def test_a_name_with_a_line_separator_comes_back_with_its_tombstone(desk: Desk) -> None:
    customer(desk)
    desk.kabar("forget", "C000001", "--reason", "CRM-1182", "--by", "de\u2028wi")
    file = desk.directory / "tombstones.jsonl"
    desk.kabar("export", "tombstones", "--out", str(file))
    assert desk.kabar("forget", "--from", str(file)).exit_code == 0
