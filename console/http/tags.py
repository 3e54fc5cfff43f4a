"""Entity tags."""

from __future__ import annotations


def matches(header: str, tag: str) -> bool:
    """RFC 9110 section 13.1.2: If-None-Match is a list of tags, compared weakly."""
    return any(part.strip().removeprefix("W/") in (tag, "*") for part in header.split(","))
