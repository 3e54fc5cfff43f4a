"""kabar rehearse: what would happen, and mistakes told before anything is played."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

from freezegun import freeze_time

from tests.cli.conftest import Desk, customer
from tests.world import RULES, campaign

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
    for option in ("--config", "--against"):
        result = desk.kabar("rehearse", *WHEN, option, "nowhere")
        assert (result.exit_code, result.stderr) == (1, f"{option}: there is no directory nowhere\n")


def test_a_change_of_config_is_told_with_its_rule_its_line_and_a_customer(desk: Desk) -> None:
    customer(desk)
    later = RULES.replace('weekdays: "19:00', 'weekdays: "19:30')
    draft = draft_of(desk, **{"rules.yaml": later})
    result = desk.kabar("rehearse", *WHEN, "--config", str(draft), "--against", str(desk.config), "--out", str(desk.directory / "out.csv"))
    assert result.exit_code == 0, result.output
    line = later.splitlines().index('  after-office: {weekdays: "19:30-21:30", weekends: "10:00-21:30"}') + 1
    assert "different: rules.yaml" in result.stdout
    assert "hello by push: 1 go before, 1 after" in result.stdout
    told = " ".join(result.stdout.split())
    assert f"later 1 by 30m: outside the window after-office {draft}/rules.yaml:{line}" in told
    assert "e.g. C000001 (Fri 20 Nov 19:00 → Fri 20 Nov 19:30)" in told
    [row] = csv.DictReader((desk.directory / "out.csv").read_text().splitlines())
    assert (row["change"], row["customer_no"], row["campaign"]) == ("later", "C000001", "hello")
    assert (row["outcome_before"], row["at_before"]) == ("sent", "2026-11-20T12:00:00.000Z")
    assert (row["outcome_after"], row["at_after"]) == ("sent", "2026-11-20T12:30:00.000Z")
    assert (row["rule"], row["line"]) == ("outside_window:after-office", f"{draft}/rules.yaml:{line}")
    assert desk.sql("SELECT FROM messages") == []


def test_two_directories_that_say_the_same_change_nothing(desk: Desk) -> None:
    customer(desk)
    result = desk.kabar("rehearse", *WHEN, "--against", str(draft_of(desk)))
    assert result.exit_code == 0, result.output
    assert "nothing changes: " in result.stdout
    assert "both directories say the same" in result.stdout


def test_a_campaign_that_only_one_side_has_is_named(desk: Desk) -> None:
    customer(desk)
    draft = draft_of(desk, **{"schedules/c9.yaml": campaign("extra", channels="[email]")})
    result = desk.kabar("rehearse", *WHEN, "--config", str(draft), "--against", str(desk.config))
    assert f"only in {draft}: extra" in result.stdout
    assert "extra by email: 0 go before, 1 after" in result.stdout
    told = " ".join(result.stdout.split())
    assert f"gained 1 the campaign is new {draft}/schedules/c9.yaml:1" in told


def test_mistakes_of_both_directories_are_told_with_the_directory(desk: Desk) -> None:
    draft = draft_of(desk, **{"schedules/c0.yaml": campaign(category="remindr")})
    result = desk.kabar("rehearse", *WHEN, "--against", str(draft))
    assert (result.exit_code, f"{draft}/schedules/c0.yaml:2:11:" in result.output) == (1, True)
    desk.write(**{"schedules/c0.yaml": campaign(template="helo")})
    result = desk.kabar("rehearse", *WHEN, "--against", str(draft))
    assert result.exit_code == 1
    assert f"{draft}/schedules/c0.yaml:2:11:" in result.output
    assert f"{desk.config}/schedules/c0.yaml:6:11:" in result.output
    result = desk.kabar("rehearse", *WHEN, "--against", "/nowhere")
    assert (result.exit_code, "--against: there is no directory /nowhere" in result.output) == (1, True)


def test_the_sums_are_by_campaign_channel_hour_and_reason(desk: Desk) -> None:
    customer(desk)
    customer(desk, "C000002", contact_hours="daily 01:00-02:00")
    shown = " ".join(desk.kabar("rehearse", *WHEN).stdout.split())
    assert "19:00 hello push 1" in shown
    assert "no_window:contact_hours 1" in shown
    assert "1 no_window:contact_hours its delivery window and the person's own contact hours never meet" in shown
    assert "hello push 1 1 Fri 20 19:00 Fri 20 19:00" in shown


def test_a_time_in_which_nothing_falls_due_is_said(desk: Desk) -> None:
    result = desk.kabar("rehearse", "--from", "2026-11-23", "--to", "2026-11-24")
    assert (result.exit_code, "Nothing would go, and nothing waits" in result.stdout) == (0, True)


def test_it_begins_now_and_lasts_as_long_as_is_said(desk: Desk) -> None:
    customer(desk)
    with freeze_time("2026-11-20 11:30:00"):
        result = desk.kabar("rehearse", "--to", "36h")
    assert result.exit_code == 0, result.output
    assert "Fri 20 Nov 18:30 – Sun 22 Nov 2026 06:30 (Asia/Jakarta)" in result.stdout


def test_a_time_over_new_year_says_both_years(desk: Desk) -> None:
    result = desk.kabar("rehearse", "--from", "2030-12-31T23:00", "--to", "2h")
    assert "Tue 31 Dec 2030 23:00 – Wed 01 Jan 2031 01:00 (Asia/Jakarta)" in result.stdout


def draft_of(desk: Desk, **texts: str) -> Path:
    """A copy of the configuration on the desk, with other texts in it."""
    draft = desk.directory / "draft"
    shutil.copytree(desk.config, draft)
    for path, text in texts.items():
        (draft / path).write_text(text, encoding="utf-8")
    return draft
