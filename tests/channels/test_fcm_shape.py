"""The sandbox refuses what Google's own schema does not know: so every body that any test sends to it is judged by that schema."""

from __future__ import annotations

from typing import Any

from channels.sandbox.fcm_shape import REQUEST, Kind, Shape, shape_violations
from tests.channels.discovery import schemas

PLAIN = {"string": Kind.STRING, "boolean": Kind.BOOL, "integer": Kind.NUMBER, "array": Kind.STRINGS}
NOT_OURS = {"lightSettings", "androidV2"}  # objects we never send and the sandbox does not look into


def shape(name: str) -> Shape:
    """A schema of the discovery document as the sandbox writes shapes."""
    return {key: part(key, rule) for key, rule in schemas()[name]["properties"].items()}


def part(key: str, rule: dict[str, Any]) -> Kind | frozenset[str] | Shape:
    if key in NOT_OURS:
        return Kind.OPEN
    if "$ref" in rule:
        return shape(rule["$ref"])
    if rule["type"] == "object":
        return Kind.MAP if rule["additionalProperties"]["type"] == "string" else Kind.OPEN
    return frozenset(rule["enum"]) if "enum" in rule else PLAIN[rule["type"]]


def test_the_sandbox_knows_every_field_that_google_does_and_no_other() -> None:
    assert shape("SendMessageRequest") == REQUEST


def test_a_word_google_does_not_know_is_refused() -> None:
    body = {"message": {"token": "t", "android": {"priority": "high", "notification": {"visibility": "NONE"}}}}
    assert [found.field for found in shape_violations(body)] == ["message.android.priority", "message.android.notification.visibility"]
