"""kabar resolve and kabar failed: what is in doubt or dead is seen, settled by a person, and told by kabar why."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner

from console.cli.app import built
from tests.cli.conftest import Desk, audited, customer, message, run_of
from tests.cli.publishing import publish_config


def doubtful(desk: Desk, run: int, person: int, **columns: Any) -> int:
    usual = {"status": "unknown", "reason": "timeout", "sent_at": "2026-11-20T12:00:00Z", "settled_at": "2026-11-20T12:00:00Z"}
    return message(desk, run, person, **(usual | columns))


def statuses(desk: Desk) -> list[str]:
    return [row["status"] for row in desk.sql("SELECT status FROM messages ORDER BY id")]


def test_a_message_is_settled_with_who_why_and_how_it_is_known(desk: Desk) -> None:
    letter = doubtful(desk, run_of(desk), customer(desk))
    result = desk.kabar("resolve", str(letter), "--as", "sent", "--evidence", "seen by budi@example.com in the log")
    assert result.exit_code == 0, result.output
    [row] = desk.sql("SELECT status, trail FROM messages")
    assert row["status"] == "sent"
    said = row["trail"][-1]
    assert (said["is"], said["to"], said["why"], said["by"], said["evidence"]) == (
        "resolved",
        "sent",
        "timeout",
        "sari",
        "seen by *** in the log",
    )
    assert audited(desk) == [("sari", "resolve")]
    [line] = desk.sql("SELECT detail FROM audit_log")
    assert line["detail"] == {"as": "sent", "messages": [letter], "evidence": "seen by *** in the log"}
    publish_config(desk)
    told = desk.kabar("why", "C000001").stdout
    assert "sari said that it went out (seen by *** in the log); it had been uncertain" in told


def test_one_that_did_not_go_out_goes_back_once_and_why_tells_both(desk: Desk) -> None:
    letter = doubtful(desk, run_of(desk), customer(desk))
    assert desk.kabar("resolve", str(letter), "--as", "failed", "--by", "dewi").exit_code == 0
    assert "resolved_failed" in desk.kabar("failed").stdout
    assert "1 back to queued" in desk.kabar("replay", "--failed", "--id", str(letter)).stdout
    publish_config(desk)
    told = desk.kabar("why", "C000001").stdout
    assert "dewi said that it did not go out" in told
    assert "put back into the queue by sari" in told
    assert audited(desk) == [("dewi", "resolve"), ("sari", "replay")]


def test_all_that_are_named_or_none(desk: Desk) -> None:
    run, person = run_of(desk), customer(desk)
    letter, sent = doubtful(desk, run, person), message(desk, run, person, channel="email", status="sent")
    result = desk.kabar("resolve", str(letter), str(sent), "999999", "--as", "sent")
    assert result.exit_code == 1
    assert f"message {sent} is sent by now, and not in doubt" in result.stderr
    assert "there is no message 999999" in result.stderr
    assert "nothing was changed" in result.stderr
    assert statuses(desk) == ["unknown", "sent"]
    assert audited(desk) == []


def test_ids_come_from_standard_input_and_a_bad_line_is_named(desk: Desk) -> None:
    run = run_of(desk)
    letters = [doubtful(desk, run, customer(desk, f"C{number}")) for number in range(3)]
    words = ["resolve", "-", "--as", "failed"]
    bad = CliRunner().invoke(built(words[0]), words, input=f"{letters[0]}\nabc\n", env=desk.env)
    assert bad.exit_code == 1
    assert 'standard input:2: "abc" is not the number of a message' in bad.stderr
    assert statuses(desk) == ["unknown"] * 3
    odd = CliRunner(charset="latin-1").invoke(built(words[0]), words, input="\xff3\n", env=desk.env)
    assert odd.exit_code == 1
    assert 'standard input:1: "\\xff3" is not the number of a message' in odd.stderr
    good = CliRunner().invoke(built(words[0]), words, input="\n".join(map(str, letters)), env=desk.env)
    assert (good.exit_code, statuses(desk)) == (0, ["failed"] * 3), good.output


def test_dead_letters_are_listed_by_cause_with_words_and_without_addresses(desk: Desk) -> None:
    run, one, two = run_of(desk), customer(desk, "C1"), customer(desk, "C2")
    dead = {"status": "failed", "settled_at": "2026-11-20T12:00:00Z", "attempts": 6}
    first = message(desk, run, one, reason="tries_used_up:UNAVAILABLE", **dead)
    message(desk, run, two, reason="tries_used_up:UNAVAILABLE", expires_at="2020-01-01T00:00:00Z", **dead)
    message(desk, run, two, channel="whatsapp", reason="131026", **dead)
    doubtful(desk, run, one, channel="email")
    data = json.loads(desk.kabar("failed", "--json").stdout)
    assert [(each["channel"], each["reason"], each["messages"], each["replayable"]) for each in data["causes"]] == [
        ("push", "tries_used_up:UNAVAILABLE", 2, 1),
        ("whatsapp", "131026", 1, 1),
    ]
    assert "could not take it, for too long" in data["causes"][0]["means"]
    assert data["messages"] is None
    data = json.loads(desk.kabar("failed", "--cause", "UNAVAILABLE", "--limit", "1", "--json").stdout)
    assert len(data["messages"]) == 1
    both = desk.kabar("failed", "--cause", "UNAVAILABLE").stdout
    assert str(first) in both
    assert "tok-C1" not in both
    data = json.loads(desk.kabar("failed", "--unknown", "--ids", "--json").stdout)
    assert [(each["customer_no"], each["reason"], each["fate"]) for each in data["messages"]] == [("C1", "timeout", None)]
    assert "there are no dead letters" in desk.kabar("failed", "--since", "1h").stdout
    assert desk.kabar("failed", "--campaign", "helo").exit_code == 1


def test_chosen_ones_are_replayed_and_a_dry_run_changes_nothing(desk: Desk) -> None:
    run, person = run_of(desk), customer(desk)
    letters = [
        message(desk, run, person, channel=channel, status="failed", reason=reason)
        for channel, reason in (("push", "tries_used_up:UNAVAILABLE"), ("whatsapp", "131026"), ("email", "UNAVAILABLE"))
    ]
    dry = desk.kabar("replay", "--failed", "--cause", "UNAVAILABLE", "--channel", "push", "--dry-run")
    assert "1 would go back to queued" in dry.stdout
    assert (statuses(desk), audited(desk)) == (["failed"] * 3, [])
    assert "1 back to queued" in desk.kabar("replay", "--failed", "--cause", "UNAVAILABLE", "--channel", "push").stdout
    assert "1 back to queued" in desk.kabar("replay", "--failed", "--id", str(letters[2])).stdout
    assert statuses(desk) == ["queued", "failed", "queued"]
    again = desk.kabar("replay", "--failed", "--id", str(letters[1]), "--id", str(letters[2]))
    assert again.exit_code == 1
    assert f"message {letters[2]} is queued, and no dead letter" in again.stderr
    assert statuses(desk) == ["queued", "failed", "queued"]
