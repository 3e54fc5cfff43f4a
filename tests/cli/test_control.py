"""kabar pause, resume and approve: at once, by name, on record."""

from __future__ import annotations

import json

from config.loader import load
from scheduler.bootstrap import contents
from tests.cli.conftest import Desk, audited, run_of


def stops(desk: Desk) -> list[tuple[str | None, str | None]]:
    return [(row["campaign"], row["channel"]) for row in desk.sql("SELECT campaign, channel FROM pauses ORDER BY id")]


def test_a_campaign_is_stopped_and_goes_on(desk: Desk) -> None:
    assert desk.kabar("pause", "--campaign", "hello", "--by", "dewi").exit_code == 0
    assert stops(desk) == [("hello", None)]
    assert "was stopped already" in desk.kabar("pause", "--campaign", "hello").stdout
    assert "campaign hello goes on" in desk.kabar("resume", "--campaign", "hello").stdout
    assert stops(desk) == []
    assert audited(desk) == [("dewi", "pause"), ("sari", "pause"), ("sari", "resume")]


def test_the_kill_switch_works_without_a_good_configuration(desk: Desk) -> None:
    assert desk.kabar("pause", "--all", KABAR_CONFIG_DIR="nowhere").exit_code == 0
    assert stops(desk) == [(None, None)]


def test_resume_lifts_what_the_system_stopped_on_any_channel(desk: Desk) -> None:
    desk.sql("INSERT INTO pauses (campaign, channel, reason, set_by, set_at) VALUES ('hello', 'push', 'refused', 'kabar', now())")
    desk.kabar("pause", "--channel", "push")
    result = desk.kabar("resume", "--campaign", "hello")
    assert "campaign hello on channel push goes on" in result.stdout
    assert "still stopped: channel push by sari" in result.stdout
    assert stops(desk) == [(None, "push")]


def test_resuming_a_channel_leaves_a_campaign_stopped_on_it(desk: Desk) -> None:
    desk.kabar("pause", "--channel", "push")
    desk.kabar("pause", "--campaign", "hello", "--channel", "push")
    desk.kabar("resume", "--channel", "push")
    assert stops(desk) == [("hello", "push")]
    desk.kabar("resume", "--all")
    assert stops(desk) == []


def test_a_campaign_gone_from_the_configuration_can_still_be_stopped(desk: Desk) -> None:
    run_of(desk, "gone")
    assert desk.kabar("pause", "--campaign", "gone").exit_code == 0


def test_an_account_is_stopped_by_itself_and_shown_until_it_goes_on(desk: Desk) -> None:
    desk.sql(
        "INSERT INTO limits (account, channel, rate, next_free_at) VALUES ('email', 'email', 50, now()), ('relay2', 'email', 50, now())"
    )
    assert "account relay2 is stopped" in desk.kabar("pause", "--account", "relay2", "--reason", "new password").stdout
    assert "account relay2 was stopped already" in desk.kabar("pause", "--account", "relay2").stdout
    shown = json.loads(desk.kabar("status", "--json").stdout)["accounts"]
    assert [(each["account"], each["stopped_at"] is None, each["reason"]) for each in shown] == [
        ("email", True, None),
        ("relay2", False, "new password"),
    ]
    assert "account relay2 since" in desk.kabar("status").stdout
    assert stops(desk) == []
    assert desk.kabar("resume", "--account", "relay3").exit_code == 1
    assert "account relay2 goes on" in desk.kabar("resume", "--account", "relay2").stdout
    assert "account relay2 was not stopped" in desk.kabar("resume", "--account", "relay2").stdout
    desk.kabar("pause", "--account", "email")
    assert "account email goes on" in desk.kabar("resume", "--all").stdout


def test_what_to_stop_must_be_said_and_exist(desk: Desk) -> None:
    assert desk.kabar("pause").exit_code == 2
    assert desk.kabar("pause", "--all", "--channel", "push").exit_code == 2
    result = desk.kabar("pause", "--campaign", "helo")
    assert result.exit_code == 1
    assert 'did you mean "hello"?' in result.stderr
    assert desk.kabar("pause", "--channel", "pusch").exit_code == 1
    assert stops(desk) == []


def test_an_approval_is_bound_to_what_stands_in_the_configuration(desk: Desk) -> None:
    result = desk.kabar("approve", "win-back", "--by", "dewi")
    assert result.exit_code == 0
    assert "portfolio_value < 500000000" in result.stdout
    assert "Halo {{ first_name }}" in result.stdout
    [row] = desk.sql("SELECT content_hash, approved_by FROM approvals")
    assert row == {"content_hash": load(desk.config, contents()).content_hash("win-back"), "approved_by": "dewi"}
    assert "approved before" in desk.kabar("approve", "win-back", "--by", "rudi").stdout
    assert audited(desk) == [("dewi", "approve"), ("rudi", "approve")]


def test_nobody_approves_their_own(desk: Desk) -> None:
    result = desk.kabar("approve", "win-back", "--by", "CRM")
    assert result.exit_code == 1
    assert "ask somebody else" in result.stderr
    assert desk.sql("SELECT * FROM approvals") == []


def test_an_unknown_campaign_is_not_approved(desk: Desk) -> None:
    result = desk.kabar("approve", "winback", "--by", "dewi")
    assert result.exit_code == 1
    assert 'did you mean "win-back"?' in result.stderr
