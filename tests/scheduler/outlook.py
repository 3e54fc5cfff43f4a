"""A configuration of a few campaigns as an outlook sees it on Friday 20 November 2026, 18:00 in Jakarta."""

from __future__ import annotations

from collections.abc import Mapping

from channels.registry import CHANNELS
from config.loader import parse
from jobs.catalog import Published
from scheduler.bootstrap import contents
from scheduler.outlook.report import disappointments
from scheduler.outlook.scene import Scene
from tests.world import at

NOW = at("2026-11-20 18:00")


def scene(written: Mapping[str, str]) -> Scene:
    return Scene(Published(0, parse(written, contents()), CHANNELS), NOW)


def told(written: Mapping[str, str]) -> list[str]:
    """Everything found about a configuration, as `kabar check` prints it."""
    return [str(problem) for problem in disappointments(scene(written))]
