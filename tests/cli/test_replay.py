"""kabar replay: dead letters get one more life, and what was set aside is worked on again."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.conftest import Desk, audited, customer, message, run_of


def dead(desk: Desk, run: int, person: int, **columns: Any) -> int:
    return message(desk, run, person, **{"status": "failed", "reason": "tries_used_up:UNAVAILABLE", "attempts": 6} | columns)


def status(desk: Desk, message_id: int) -> str:
    return str(desk.sql("SELECT status FROM messages WHERE id = %(id)s", id=message_id)[0]["status"])


def test_a_dead_letter_is_queued_again_with_all_its_tries_and_its_run_is_active(desk: Desk) -> None:
    letter = dead(desk, run_of(desk, status="finished"), customer(desk))
    result = desk.kabar("replay", "--failed")
    assert result.exit_code == 0
    assert "1 back to queued" in result.stdout
    [row] = desk.sql("SELECT status, attempts, trail FROM messages WHERE id = %(id)s", id=letter)
    assert (row["status"], row["attempts"]) == ("queued", 0)
    assert (row["trail"][-1]["is"], row["trail"][-1]["why"], row["trail"][-1]["by"]) == ("replayed", "tries_used_up:UNAVAILABLE", "sari")
    assert desk.sql("SELECT status FROM runs") == [{"status": "active"}]
    assert audited(desk) == [("sari", "replay")]


def test_a_replay_happens_once(desk: Desk) -> None:
    letter = dead(desk, run_of(desk), customer(desk))
    desk.kabar("replay", "--failed")
    assert "0 back to queued" in desk.kabar("replay", "--failed").stdout
    desk.sql("UPDATE messages SET status = 'failed', reason = 'again'")
    assert "1 left: were replayed once already" in desk.kabar("replay", "--failed").stdout
    assert status(desk, letter) == "failed"


def test_what_cannot_work_any_more_is_left(desk: Desk) -> None:
    run, one, two, three = run_of(desk), customer(desk, "C1"), customer(desk, "C2"), customer(desk, "C3")
    new = "INSERT INTO suppressions (kind, sort, value, person_id, channel, at, recorded_at, source, evidence)"
    desk.sql(
        f"{new} SELECT 'address', sort, value, NULL, NULL, now(), now(), 'provider', 'x' FROM addresses WHERE person_id = %(one)s", one=one
    )
    desk.sql(f"{new} VALUES ('opt_out', NULL, NULL, %(two)s, 'push', now(), now(), 'operator', 'x')", two=two)
    letters = [dead(desk, run, one), dead(desk, run, two), dead(desk, run, three, expires_at="2020-01-01T00:00:00Z")]
    shown = desk.kabar("replay", "--failed").stdout
    assert "2 left: have no live address" in shown
    assert "1 left: have expired" in shown
    assert {status(desk, letter) for letter in letters} == {"failed"}


def test_the_control_group_stays_what_it_is(desk: Desk) -> None:
    run, person = run_of(desk), customer(desk)
    held = message(desk, run, person, status="suppressed", reason="control_group", settled_at="2026-11-20T11:45:00Z")
    dead(desk, run, person, channel="email")
    assert "1 back to queued" in desk.kabar("replay", "--failed").stdout
    assert status(desk, held) == "suppressed"


def test_only_the_campaign_that_is_named_is_replayed(desk: Desk) -> None:
    person = customer(desk)
    letter, other = dead(desk, run_of(desk), person), dead(desk, run_of(desk, "win-back"), person)
    assert desk.kabar("replay", "--failed", "--campaign", "hello").exit_code == 0
    assert (status(desk, letter), status(desk, other)) == ("queued", "failed")
    assert desk.kabar("replay", "--failed", "--campaign", "helo").exit_code == 1
    assert desk.kabar("replay").exit_code == 2


def set_aside(desk: Desk) -> None:
    """A run, an event and two receipts that could not be worked on."""
    run = run_of(desk, status="failed")
    desk.sql("UPDATE runs SET reason = 'set_aside:ConfigError' WHERE id = %(run)s", run=run)
    desk.sql(
        """INSERT INTO events (event_id, name, person_id, received_at, planned_at, error)
           VALUES ('e1', 'kyc.rejected', %(person)s, now(), now(), 'set_aside:KeyError')""",
        person=customer(desk),
    )
    desk.sql(
        """INSERT INTO receipts (source, body, received_at, applied_at, error)
           SELECT 'push', %(body)s, now(), now(), 'set_aside:ValueError' FROM generate_series(1, 2)""",
        body=b"{}",
    )


def left_aside(desk: Desk) -> list[int]:
    [row] = desk.sql(
        """SELECT (SELECT count(*) FROM runs WHERE status = 'failed') AS runs,
                  (SELECT count(*) FROM events WHERE error IS NOT NULL) AS events,
                  (SELECT count(*) FROM receipts WHERE error IS NOT NULL) AS receipts"""
    )
    return list(row.values())


def test_what_was_set_aside_is_worked_on_again_and_on_record(desk: Desk) -> None:
    set_aside(desk)
    done = desk.kabar("replay", "--set-aside", "--by", "dewi")
    assert (done.exit_code, done.stdout) == (0, "1 runs, 1 events, 2 receipts are worked on again\n")
    assert left_aside(desk) == [0, 0, 0]
    assert desk.sql("SELECT status, reason FROM runs") == [{"status": "due", "reason": None}]
    assert desk.sql("SELECT planned_at FROM events") == [{"planned_at": None}]
    assert desk.sql("SELECT DISTINCT applied_at FROM receipts") == [{"applied_at": None}]
    assert desk.sql("SELECT actor, action, detail FROM audit_log") == [
        {"actor": "dewi", "action": "replay.set_aside", "detail": {"run": 1, "event": 1, "receipt": 2}}
    ]
    assert desk.kabar("replay", "--set-aside").stdout.startswith("0 runs, 0 events, 0 receipts")


def test_a_dry_run_leaves_what_was_set_aside_where_it_is(desk: Desk) -> None:
    set_aside(desk)
    assert desk.kabar("replay", "--set-aside", "--dry-run").stdout == "1 runs, 1 events, 2 receipts would be worked on again\n"
    assert left_aside(desk) == [1, 1, 2]
    assert audited(desk) == []


@pytest.mark.parametrize("narrower", [("--campaign", "hello"), ("--channel", "push"), ("--cause", "KeyError"), ("--id", "1")])
def test_set_aside_is_taken_whole_and_says_so_to_who_wants_a_part(desk: Desk, narrower: tuple[str, str]) -> None:
    set_aside(desk)
    result = desk.kabar("replay", "--set-aside", *narrower)
    assert (result.exit_code, "takes all there is" in " ".join(result.stderr.split())) == (2, True)
    assert left_aside(desk) == [1, 1, 2]


@pytest.mark.parametrize("number", ["0", "-5", "9223372036854775808", "9" * 5000])
def test_a_number_no_message_can_have_is_wrong_usage(desk: Desk, number: str) -> None:
    assert desk.kabar("replay", "--failed", f"--id={number}").exit_code == 2
