"""Meta's own list of message templates, as `GET /{business account}/message_templates` answers it, in the words of our file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from channels import loose

_OURS = {"type": "kind", "text": "label", "url": "url"}
_STATUS = {"APPROVED": "approved"}


def list_of(given: Any) -> Any:
    """`{data: […], paging: {…}}` is `{templates: […]}`; anything else stays as it is."""
    return {"templates": given["data"]} if isinstance(given, Mapping) and "data" in given else given


def shape_of(given: Any) -> Any:
    """A template with Meta's `components` in our keys; what we have no use for (ids, examples, scores) is left out."""
    if not isinstance(given, Mapping) or "components" not in given:
        return given
    parts = {loose.text(part.get("type")).upper(): part for part in loose.mappings(given["components"])}
    header, body = parts.get("HEADER", {}), parts.get("BODY", {})
    status = loose.text(given.get("status")) or "APPROVED"
    return {
        "name": given.get("name"),
        "language": given.get("language"),
        "category": loose.text(given.get("category")).lower() or "marketing",
        "status": _STATUS.get(status, status),
        "header": loose.text(header.get("format")).lower() or "none",
        "header_text": _whole(header.get("text")),
        "body": _whole(body.get("text")),
        "footer": _whole(parts.get("FOOTER", {}).get("text")),
        "buttons": list(loose.mappings(parts.get("BUTTONS", {}).get("buttons"))),
    }


def button_of(given: Any) -> Any:
    if not isinstance(given, Mapping) or "type" not in given:
        return given
    found = {ours: given[theirs] for theirs, ours in _OURS.items() if theirs in given}
    return {**found, "kind": loose.text(given["type"]).lower(), "label": _whole(given.get("text"))}


def _whole(value: object) -> str:
    r"""JSON writes characters beyond the first plane as two escapes (\ud83d\ude0a); read as YAML they are still two."""
    return loose.text(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
