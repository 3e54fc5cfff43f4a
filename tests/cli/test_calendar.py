"""kabar calendar: the coming days for people and for scripts, with and without customers."""

from __future__ import annotations

import json

from tests.cli.conftest import Desk, customer, without_a_database
from tests.world import campaign, files

FROM = ("--from", "2026-12-20")
WEEKLY = campaign("class", when='{cron: "0 19 * * tue,thu"}', topic="class", channels="[push, popup]")
OFFER = campaign("offer", category="promo", when='{at: "2026-12-22 18:45"}')
TOLD = campaign("kyc", category="service", channels="[email]", when="{event: kyc.updated}")


def written(desk: Desk) -> None:
    for old in (desk.config / "schedules").iterdir():
        old.unlink()
    desk.write(**files(WEEKLY, OFFER, TOLD))


def test_each_day_tells_what_opens_who_is_in_the_way_and_how_full_it_gets(desk: Desk) -> None:
    written(desk)
    customer(desk)
    lines = desk.kabar("calendar", *FROM, KABAR_PUSH__RATE="0.0001").stdout.splitlines()
    assert lines[0] == "Sunday 20 December to Saturday 02 January 2027, by the clocks of Asia/Jakarta"
    tuesday = lines.index("Tue 22 Dec")
    assert lines[tuesday : tuesday + 9] == [
        "Tue 22 Dec",
        "  19:00  class         regular until 21:30",
        "                       1 push, 1 popup; due 19:00",
        "  19:00  offer         regular until 21:30",
        "                       push; due 18:45",
        "                       not approved: nothing goes before it is",
        "                       ! class goes first (50 over 10): push to regular not before Wed 23 Dec 19:00",
        "  popup           1 ..........  <1% of its rate 19:00 to 21:30",
        "  push            1 ########## 111% of its rate 19:00 to 21:30: TOO MANY",
    ]
    assert "Thu 24 Dec  holiday: Christmas Joint Holiday" in lines
    assert "Sun 20 Dec to Mon 21 Dec: nothing" in lines
    assert "  kyc  at kyc.updated, by email, at any hour" in lines
    assert not any(line != line.rstrip() for line in lines)


def test_without_customers_it_tells_the_openings_and_says_that_nothing_was_counted(desk: Desk) -> None:
    written(desk)
    result = desk.kabar("calendar", *FROM)
    assert result.exit_code == 0
    assert "                       push, popup; due 19:00" in result.stdout.splitlines()
    assert result.stderr == "nothing was counted: the database has no customers; `kabar import customers FILE` brings them in\n"


def test_a_script_gets_stable_keys(desk: Desk) -> None:
    written(desk)
    customer(desk)
    found = json.loads(desk.kabar("calendar", *FROM, "--json").stdout)
    assert (found["timezone"], found["counted"], len(found["days"])) == ("Asia/Jakarta", True, 14)
    tuesday = next(day for day in found["days"] if day["date"] == "2026-12-22")
    first, second = tuesday["campaigns"]
    assert first["openings"] == [
        {"segments": ["regular"], "window": "after-office", "opens_at": "2026-12-22T12:00:00Z", "closes_at": "2026-12-22T14:30:00Z"}
    ]
    assert (first["messages"], first["held"]) == ({"push": 1, "popup": 1}, None)
    assert (second["held"], second["clashes"][0]["winner"], second["clashes"][0]["goes_at"]) == (
        "not approved",
        "class",
        "2026-12-23T12:00:00Z",
    )
    assert [load["capacity"] for load in tuesday["load"]] == [18_000_000, 4_500_000]
    assert found["events"] == [{"campaign": "kyc", "event": "kyc.updated", "channels": ["email"], "held": None}]
    assert next(day["holiday"] for day in found["days"] if day["date"] == "2026-12-25") == "Christmas Day"


def test_an_approved_campaign_is_not_marked_and_a_stopped_one_is(desk: Desk) -> None:
    written(desk)
    assert desk.kabar("approve", "offer", "--by", "dewi").exit_code in (0, 1)
    desk.sql("INSERT INTO pauses (channel, reason, set_by, set_at) VALUES ('popup', 'wrong price', 'sari', now())")
    lines = desk.kabar("calendar", *FROM).stdout.splitlines()
    assert "                       stopped on popup" in lines


def test_a_month_is_longer_and_many_a_day_stand_in_one_line(desk: Desk) -> None:
    written(desk)
    desk.write(**{"schedules/c0.yaml": campaign("often", category="service", when='{cron: "*/30 9-12 * * *"}', window="any-time")})
    result = desk.kabar("calendar", "--month", *FROM, "--json")
    days = json.loads(result.stdout)["days"]
    assert len(days) == 31
    assert [(entry["campaign"], len(entry["due"])) for entry in days[0]["campaigns"]] == [("often", 8)]
    assert "push; 8 times, due 09:00 to 12:30" in desk.kabar("calendar", *FROM).stdout


def test_what_is_not_a_date_is_wrong_usage(desk: Desk) -> None:
    for text in ("soon", "2026-02-30", "9999-12-30", "0001-01-01"):
        result = desk.kabar("calendar", "--from", text)
        assert (result.exit_code, "--from" in result.output) == (2, True), text


def test_a_day_on_which_only_what_was_due_before_goes_is_told(desk: Desk) -> None:
    written(desk)
    customer(desk, timezone="America/New_York")
    lines = desk.kabar("calendar", *FROM).stdout.splitlines()
    wednesday = lines.index("Wed 23 Dec")
    assert lines[wednesday + 1 : wednesday + 3] == [
        "  popup           1 ..........  <1% of its rate 07:00 to 09:30; class from before",
        "  push            1 ..........  <1% of its rate 07:00 to 09:30; class from before",
    ]
    assert "Sun 20 Dec to Mon 21 Dec: nothing" in lines


def test_no_database_is_made_for_a_look(desk: Desk) -> None:
    written(desk)
    nowhere = desk.directory / "nowhere"
    result = without_a_database(desk).kabar("calendar", *FROM, KABAR_VAR_DIR=str(nowhere))
    assert (result.exit_code, nowhere.exists()) == (0, False), result.output
    assert "there is no database yet" in result.stderr
