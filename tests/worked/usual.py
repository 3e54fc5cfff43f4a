"""What a campaign of the examples is unless they say otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.world import TEMPLATE

HELLO = TEMPLATE
_USUAL: Mapping[str, Any] = {
    "category": "reminder",
    "audience": {"any": ["regular", "hnwi"]},
    "channels": ["push"],
    "when": {"at": "2026-11-20 18:45"},
    "template": "hello",
    "owner": "marcomm",
}


def usual(name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """A campaign file with an example's own keys in place of the usual ones."""
    return {"campaign": name, **_USUAL, **changes}
