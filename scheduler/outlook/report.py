"""Everything that will disappoint in a configuration that is in order, without a look at the customers."""

from __future__ import annotations

from config.problems import Problem
from scheduler.outlook import clashes, hours, repeats
from scheduler.outlook.scene import Scene


def disappointments(scene: Scene) -> list[Problem]:
    """Errors for what can never go and warnings, in the order of files and lines."""
    found = [*scene.config.warnings, *hours.findings(scene), *repeats.findings(scene)]
    return sorted([*found, *clashes.findings(scene, clashes.clashes(scene))])
