"""kabar status: what waits, why, since when."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.conftest import Desk, customer, message, run_of
from tests.cli.publishing import publish_config


def read(desk: Desk) -> dict[str, Any]:
    result = desk.kabar("status", "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_an_empty_house_has_the_stable_keys(desk: Desk) -> None:
    assert list(read(desk)) == [
        "at", "config", "troubles", "set_aside", "config_fault", "runs", "reservoir", "accounts", "quotas", "slow_domains",
        "lag", "backlog", "ticks", "halted", "pauses", "unknown_receipts", "stopped_platforms", "not_configured",
    ]  # fmt: skip
    assert "nothing is published yet" in desk.kabar("status").stdout


def test_what_waits_is_counted_with_its_reasons(desk: Desk) -> None:
    publish_config(desk)
    run, one, two = run_of(desk), customer(desk, "C1"), customer(desk, "C2")
    message(desk, run, one)
    message(desk, run, two, status="deferred", reason="gap:2h", next_attempt_at="2036-01-01T00:00:00Z")
    message(desk, run, one, channel="email", status="released", released_at="2026-11-20T12:00:00Z", chunk_id=1)
    message(desk, run, two, channel="email", status="sent", sent_at="2026-11-20T12:00:00Z")
    found = read(desk)
    assert found["reservoir"]["push"] == {
        "queued": 1, "deferred": 1, "deferred_by_reason": {"gap:2h": 1}, "released": 0, "sending": 0,
    }  # fmt: skip
    assert found["reservoir"]["email"]["released"] == 1
    [line] = found["runs"]
    assert line["counts"] == {"queued": 1, "deferred": 1, "released": 1, "sent": 1}
    shown = desk.kabar("status").stdout
    assert "gap:2h" in shown
    assert found["config"]["hash"][:12] in shown


def test_the_control_group_stands_apart_in_words(desk: Desk) -> None:
    publish_config(desk)
    run = run_of(desk)
    message(desk, run, customer(desk, "C1"), status="suppressed", reason="control_group")
    message(desk, run, customer(desk, "C2"), status="suppressed", reason="no_consent:push")
    [line] = read(desk)["runs"]
    assert line["counts"] == {"control_group": 1, "suppressed": 1}
    shown = " ".join(desk.kabar("status", COLUMNS="200").stdout.split())
    assert "1 in the control group (get nothing on purpose)" in shown


def test_lag_is_how_long_the_oldest_message_that_may_go_has_waited(desk: Desk) -> None:
    publish_config(desk)
    run, person = run_of(desk), customer(desk)
    assert read(desk)["lag"] == {"queued": None, "released": None}
    message(desk, run, person, window_key="win:nowhere@Asia/Jakarta")
    assert read(desk)["lag"]["queued"] is None
    [row] = desk.sql("SELECT now() - interval '90 seconds' AS at")
    message(desk, run, person, channel="email", queued_at=row["at"])
    assert 90 <= read(desk)["lag"]["queued"] < 180
    desk.kabar("pause", "--all")
    assert read(desk)["lag"]["queued"] is None


def test_stops_faults_and_errors_are_shown(desk: Desk) -> None:
    desk.kabar("pause", "--campaign", "hello", "--by", "dewi", "--reason", "wrong price")
    desk.sql("""INSERT INTO facts (name, value, at) VALUES ('config_fault', '["config/rules.yaml:1:1: broken"]', now())""")
    desk.sql("INSERT INTO ticks (name, last_ok_at, last_error_at, last_error) VALUES ('valve', now(), now(), 'OperationalError')")
    found = read(desk)
    assert found["config_fault"] == ["config/rules.yaml:1:1: broken"]
    assert [(stop["campaign"], stop["set_by"], stop["reason"]) for stop in found["pauses"]] == [("hello", "dewi", "wrong price")]
    assert found["ticks"][0]["seconds_ago"] < 60
    shown = desk.kabar("status").stdout
    assert "campaign hello since" in shown
    assert "rules.yaml:1:1: broken" in shown
    assert "OperationalError" in shown


def test_domains_that_asked_for_less_are_shown_while_they_wait(desk: Desk) -> None:
    desk.sql("""INSERT INTO slow_domains (channel, domain, until, strikes, reason) VALUES
                ('email', 'slow.example', now() + interval '1 hour', 3, '421 4.7.0'), ('email', 'quick.example', now(), 1, '421')""")
    [slow] = read(desk)["slow_domains"]
    assert (slow["channel"], slow["domain"], slow["strikes"], slow["reason"]) == ("email", "slow.example", 3, "421 4.7.0")
    assert "slow.example" in desk.kabar("status").stdout
