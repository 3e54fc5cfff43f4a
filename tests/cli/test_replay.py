"""kabar replay --failed: dead letters get one more life."""

from __future__ import annotations

from typing import Any

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
