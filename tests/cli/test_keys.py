"""kabar keys."""

from __future__ import annotations

from jobs.api_keys import key_id
from tests.cli.conftest import Desk, audited


def test_a_key_is_shown_once_listed_by_name_and_revoked_and_all_of_it_is_on_record(desk: Desk) -> None:
    made = desk.kabar("keys", "create", "crm", "--scope", "events", "--scope", "popups", "--expires", "90d")
    assert made.exit_code == 0, made.output
    key = made.stdout.strip()
    assert key_id(key)
    shown = desk.kabar("keys", "list").stdout
    assert "crm" in shown
    assert "events, popups" in shown
    assert key not in shown
    assert desk.kabar("keys", "revoke", "crm", "--by", "dewi").exit_code == 0
    assert "revoked by dewi" in desk.kabar("keys", "list").stdout
    assert audited(desk) == [("sari", "keys.create"), ("dewi", "keys.revoke")]
    details = str(desk.sql("SELECT detail FROM audit_log"))
    assert key.rpartition("_")[2] not in details
    assert str(key_id(key)) in details


def test_a_name_belongs_to_one_key_until_it_is_revoked(desk: Desk) -> None:
    assert desk.kabar("keys", "create", "crm", "--scope", "events").exit_code == 0
    again = desk.kabar("keys", "create", "crm", "--scope", "events")
    assert again.exit_code == 1
    assert "`kabar keys revoke crm` first" in again.stderr
    desk.kabar("keys", "revoke", "crm")
    assert desk.kabar("keys", "create", "crm", "--scope", "events").exit_code == 0


def test_what_cannot_be_a_key_is_refused_with_the_way_out(desk: Desk) -> None:
    for words, told in (
        (("create", "CRM Team", "--scope", "events"), "small letters"),
        (("create", "crm", "--scope", "everything"), "events"),
        (("create", "crm"), "--scope"),
        (("create", "crm", "--scope", "events", "--expires", "2020-01-01"), "is over"),
        (("create", "crm", "--scope", "events", "--expires", "soon"), "is not a time"),
    ):
        result = desk.kabar("keys", *words)
        assert result.exit_code == 2, words
        assert told in result.stderr
    gone = desk.kabar("keys", "revoke", "crm")
    assert gone.exit_code == 1
    assert "kabar keys list" in gone.stderr
    assert desk.sql("SELECT 1 FROM api_keys") == []


def test_whoever_made_or_revoked_a_key_is_only_text_in_the_list(desk: Desk) -> None:
    assert desk.kabar("keys", "create", "crm", "--scope", "events", "--by", "a[/b]c").exit_code == 0
    desk.kabar("keys", "create", "old", "--scope", "events", "--by", "[bold]dewi")
    assert desk.kabar("keys", "revoke", "old", "--by", "[red]dewi").exit_code == 0
    shown = desk.kabar("keys", "list")
    assert shown.exit_code == 0, shown.stderr
    for by in ("a[/b]c", "[bold]dewi", "[red]dewi"):
        assert by in shown.stdout


def test_a_key_that_would_end_as_it_is_made_is_refused(desk: Desk) -> None:
    result = desk.kabar("keys", "create", "crm", "--scope", "events", "--expires", "0s")
    assert (result.exit_code, "is over" in result.stderr) == (2, True)
    assert desk.sql("SELECT 1 FROM api_keys") == []
