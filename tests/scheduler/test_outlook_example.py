"""The shipped configuration: nothing in it can never go, and each warning of it is true and known."""

from __future__ import annotations

from pathlib import Path

from channels.registry import CHANNELS
from jobs.catalog import Published
from scheduler.bootstrap import read_config
from scheduler.outlook.report import disappointments
from scheduler.outlook.scene import Scene
from tests.scheduler.outlook import NOW

CONFIG = read_config(Path(__file__).parents[2] / "config")


def test_its_files_alone_show_nothing_to_warn_of() -> None:
    assert CONFIG.warnings == ()


def test_its_classes_outbid_the_contest_and_two_classes_in_one_weekend_are_one_too_many() -> None:
    found = disappointments(Scene(Published(0, CONFIG, CHANNELS), NOW))
    assert all(problem.warning for problem in found)
    told = [(Path(problem.file).stem, problem.message) for problem in found]
    assert any(name == "live-trading" and "1 of its own 5 occurrences" in words for name, words in told)
    assert any(name == "cuanpionship" and words.startswith('"live-trading" wants the same slot, Fri 20 Nov 19:00') for name, words in told)
    assert {name for name, _ in told} == {"live-trading", "cuanpionship", "win-back"}
