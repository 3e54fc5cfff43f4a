"""kabar rehearse: what would happen, and mistakes told before anything is played."""

from __future__ import annotations

import csv
import json

from tests.cli.conftest import Desk, customer

WHEN = ("--from", "2026-11-20T18:30", "--to", "2026-11-21T12:00")


def test_each_decision_is_written_and_nothing_is_kept(desk: Desk) -> None:
    customer(desk, portfolio_value=1_000_000)
    sheet, lines = desk.directory / "plan.csv", desk.directory / "plan.jsonl"
    for out in (sheet, lines):
        result = desk.kabar("rehearse", *WHEN, "--out", str(out))
        assert result.exit_code == 0, result.output
    told = list(csv.DictReader(sheet.read_text().splitlines()))
    assert [(row["customer_no"], row["campaign"], row["channel"]) for row in told if row["campaign"] == "hello"][:1] == [
        ("C000001", "hello", "push")
    ]
    assert [json.loads(line)["decision"] for line in lines.read_text().splitlines()] == [row["decision"] for row in told]
    assert desk.sql("SELECT FROM messages") == []
    assert desk.sql("SELECT FROM versions") == []


def test_mistakes_are_told_before_anything_is_played(desk: Desk) -> None:
    result = desk.kabar("rehearse", "--from", "soon", "--to", "2026-11-21")
    assert (result.exit_code, "--from" in result.output) == (2, True)
    result = desk.kabar("rehearse", "--from", "2026-11-21", "--to", "2026-11-20")
    assert (result.exit_code, "has to come after" in result.output) == (1, True)
    result = desk.kabar("rehearse", *WHEN, "--out", "/nowhere/plan.csv")
    assert (result.exit_code, "--out" in result.output) == (1, True)
    assert desk.kabar("rehearse", *WHEN, "--out", "plan.txt").exit_code == 2
