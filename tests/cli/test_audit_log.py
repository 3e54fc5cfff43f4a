"""kabar audit-log: looked at, written down, verified."""

from __future__ import annotations

import json

from config.printable import printable
from tests.cli.conftest import Desk


def did_something(desk: Desk) -> None:
    desk.kabar("check")
    for words in (("pause", "--channel", "push", "--by", "dewi"), ("resume", "--channel", "push"), ("pause", "--all")):
        assert desk.kabar(*words).exit_code == 0


def test_the_log_is_listed_by_actor_action_and_time(desk: Desk) -> None:
    did_something(desk)
    shown = desk.kabar("audit-log", "list").stdout
    assert "dewi" in shown
    assert "channel: push" in shown
    lines = [json.loads(line) for line in desk.kabar("audit-log", "list", "--json").stdout.splitlines()]
    assert [(line["id"], line["actor"], line["action"]) for line in lines] == [
        (1, "dewi", "pause"),
        (2, "sari", "resume"),
        (3, "sari", "pause"),
    ]
    lines = desk.kabar("audit-log", "list", "--json", "--actor", "sari", "--action", "pause", "--since", "1h").stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [3]
    assert desk.kabar("audit-log", "list", "--json", "--since", "2036-01-01").stdout == ""


def test_a_whole_log_is_said_to_be_whole_and_a_broken_one_exits_1(desk: Desk) -> None:
    assert desk.kabar("audit-log", "head").stdout == "the audit log is empty\n"
    assert desk.kabar("audit-log", "verify").stdout == "the audit log is whole: 0 rows\n"
    did_something(desk)
    written = desk.kabar("audit-log", "head").stdout.split()[0]
    whole = desk.kabar("audit-log", "verify", "--head", written)
    assert (whole.exit_code, whole.stdout) == (0, f"the audit log is whole: 3 rows, head {written}\n")
    desk.sql("ALTER TABLE audit_log DISABLE TRIGGER USER")
    desk.sql("UPDATE audit_log SET detail = '{}' WHERE id = 2")
    broken = desk.kabar("audit-log", "verify")
    assert broken.exit_code == 1
    assert "row 2 (resume by sari" in broken.stderr
    assert "1 faults in 3 rows" in broken.stderr
    assert desk.kabar("audit-log", "verify", "--head", "9f2c").exit_code == 2


def test_a_row_cannot_wipe_what_is_said_of_it_off_the_screen(desk: Desk) -> None:
    by = "de\x1b[2K\x1b[1Awi\nthe audit log is whole: 1 rows\x9b2J"
    desk.kabar("pause", "--channel", "push", "--by", by)
    desk.kabar("pause", "--all", "--by", by)
    head = desk.kabar("audit-log", "head").stdout
    desk.sql("ALTER TABLE audit_log DISABLE TRIGGER USER")
    desk.sql("UPDATE audit_log SET detail = '{}' WHERE id = 1")
    broken = desk.kabar("audit-log", "verify")
    still = desk.kabar("resume", "--channel", "push").stdout
    assert (broken.exit_code, "row 1 (pause by de" in broken.stderr) == (1, True)
    assert "still stopped" in still
    for shown in (head, broken.stderr, still):
        assert printable(shown) == shown
    for shown in (head, broken.stderr):
        assert "\nthe audit log is whole" not in shown
