"""kabar check: every mistake with its place, and what is absent from the environment."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Desk


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
