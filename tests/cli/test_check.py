"""kabar check: every mistake with its place, and what is absent from the environment."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Desk, customer, without_a_database
from tests.world import RULES, campaign


def test_a_good_configuration_is_counted(desk: Desk) -> None:
    result = desk.kabar("check")
    assert result.exit_code == 0
    assert "3 campaigns, 1 templates, 2 segments, 2 windows" in result.stdout


def test_the_shipped_configuration_is_good(desk: Desk) -> None:
    result = desk.kabar("check", KABAR_CONFIG_DIR=str(Path(__file__).parents[2] / "config"))
    assert result.exit_code == 0, result.stdout


def test_channels_without_credentials_are_hinted_at(desk: Desk) -> None:
    assert "hint: push is not configured in this environment; it needs KABAR_PUSH__PROJECT" in desk.kabar("check").stdout


def test_each_mistake_stands_on_a_line_with_its_place(desk: Desk) -> None:
    one, other = ((desk.config / f"schedules/{name}.yaml").read_text() for name in ("c0", "c1"))
    desk.write(**{"schedules/c0.yaml": one.replace("owner:", "ownr:"), "schedules/c1.yaml": other.replace("[regular]", "[reguler]")})
    result = desk.kabar("check")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert any(line.startswith(f"{desk.config}/schedules/c0.yaml:7:1: ") for line in lines)
    assert any("c1.yaml:3:" in line and 'did you mean "regular"?' in line for line in lines)


def test_a_missing_directory_is_named(desk: Desk) -> None:
    result = desk.kabar("check", KABAR_CONFIG_DIR="nowhere")
    assert result.exit_code == 1
    assert "nowhere: there is no such directory; KABAR_CONFIG_DIR names it" in result.stdout


def test_contradictory_credentials_are_a_mistake(desk: Desk) -> None:
    result = desk.kabar("check", KABAR_EMAIL__USERNAME="kabar")
    assert result.exit_code == 1
    assert "KABAR_EMAIL__PASSWORD" in result.stdout


def test_what_will_disappoint_is_a_warning_and_with_strict_a_failure(desk: Desk) -> None:
    desk.write(**{"rules.yaml": RULES.replace("caps: [", "caps: [{channel: popup, max: 1, per: day}, ")})
    result = desk.kabar("check")
    assert result.exit_code == 0
    warning = (
        f"{desk.config}/rules.yaml:6:43: warning: this cap never counts anything: no campaign goes by popup; correct it or take it out"
    )
    assert warning in result.stdout.splitlines()
    assert "2 windows; " in result.stdout
    assert " warning" in result.stdout
    assert desk.kabar("check", "--strict").exit_code == 1


def test_a_campaign_that_can_never_go_is_a_mistake(desk: Desk) -> None:
    desk.write(**{"schedules/c0.yaml": campaign(expires="5m")})
    result = desk.kabar("check")
    assert result.exit_code == 1
    assert 'c0.yaml:8:1: campaign "hello" can never go: what is due Fri 20 Nov 18:45 is worthless from Fri 20 Nov 18:50' in result.stdout


def test_a_script_gets_each_finding_apart(desk: Desk) -> None:
    desk.write(**{"schedules/c0.yaml": campaign(expires="5m")})
    found = json.loads(desk.kabar("check", "--json").stdout)
    assert found["good"] is False
    [error] = [problem for problem in found["problems"] if problem["severity"] == "error"]
    assert (error["file"], error["line"], error["col"]) == (f"{desk.config}/schedules/c0.yaml", 8, 1)
    assert found["volume_not_looked_at"] == "the database has no customers; `kabar import customers FILE` brings them in"


def test_with_customers_an_evening_that_is_too_full_is_told(desk: Desk) -> None:
    desk.write(**{"schedules/c0.yaml": campaign(when='{cron: "45 18 * * mon"}', topic="week")})
    customer(desk)
    result = desk.kabar("check", KABAR_PUSH__RATE="0.00001")
    assert "1 messages by push (hello) want to leave between Mon" in result.stdout
    assert "raise KABAR_PUSH__RATE" in result.stdout
    assert "volume" not in result.stderr
    assert "want to leave" not in desk.kabar("check").stdout


def test_without_a_database_it_says_that_the_volume_was_not_looked_at_and_makes_none(desk: Desk) -> None:
    nowhere = desk.directory / "nowhere"
    result = without_a_database(desk).kabar("check", KABAR_VAR_DIR=str(nowhere))
    assert (result.exit_code, nowhere.exists()) == (0, False)
    assert result.stderr.startswith("volume was not looked at: there is no database yet")


def test_an_embedded_database_that_rests_is_left_alone(desk: Desk) -> None:
    (desk.directory / "var/postgres").mkdir(parents=True)
    (desk.directory / "var/postgres/PG_VERSION").write_text("18\n")
    result = without_a_database(desk).kabar("check", KABAR_VAR_DIR=str(desk.directory / "var"))
    assert result.exit_code == 0
    assert result.stderr == "volume was not looked at: the embedded database is not running; `kabar check --volume` starts it\n"


def test_a_database_that_does_not_answer_stops_only_who_asks_for_the_volume(desk: Desk) -> None:
    gone = "postgresql://nobody@127.0.0.1:1/none"
    result = desk.kabar("check", KABAR_DATABASE_URL=gone)
    assert (result.exit_code, "volume was not looked at: KABAR_DATABASE_URL" in result.stderr) == (0, True)
    result = desk.kabar("check", "--volume", KABAR_DATABASE_URL=gone)
    assert (result.exit_code, "KABAR_DATABASE_URL: cannot reach the database" in result.stdout) == (1, True)
