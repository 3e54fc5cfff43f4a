"""Reading JSON of providers, which may be of any shape: a wrong type reads as empty, never raises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic_core import from_json

NOTHING: Mapping[str, object] = {}


def read_object(raw: bytes) -> Mapping[str, object]:
    """A JSON object, or empty. pydantic's parser is faster than json's and refuses deep nesting as a ValueError."""
    try:
        return mapping(from_json(raw))
    except ValueError:
        return NOTHING


def mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else NOTHING


def mappings(value: object) -> Sequence[Mapping[str, object]]:
    """The objects in a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else ()


def text(value: object) -> str:
    return value if isinstance(value, str) else ""


def whole(value: object) -> int | None:
    """An integer, also one written as digits; booleans are none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    # Longer digits are no code and no time, and int() of thousands of them is slow.
    return int(value) if isinstance(value, str) and len(value) < 19 and value.isascii() and value.isdigit() else None
