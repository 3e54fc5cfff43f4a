"""Judges a JSON body by a schema of Google's discovery format: unknown fields, types, enums, formats."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

DURATION = re.compile(r"\d+(\.\d{1,9})?s")
TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "array": (list,),
}


@cache
def schemas() -> Mapping[str, Any]:
    document = files("googleapiclient").joinpath("discovery_cache/documents/fcm.v1.json")
    found: Mapping[str, Any] = json.loads(document.read_text(encoding="utf-8"))["schemas"]
    return found


def faults(body: object, schema: str) -> list[str]:
    """What is wrong with a body, each with its path; empty when it is good."""
    return list(_judge(body, {"$ref": schema}, schema))


def _judge(value: object, rule: Mapping[str, Any], path: str) -> Iterator[str]:
    if "$ref" in rule:
        rule = schemas()[rule["$ref"]]
    kind = rule["type"]
    if kind == "any":
        return
    if not isinstance(value, TYPES[kind]) or (isinstance(value, bool) and kind != "boolean"):
        yield f"{path}: {type(value).__name__} is not {kind}"
    elif isinstance(value, dict):
        yield from _members(value, rule, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _judge(item, rule["items"], f"{path}[{index}]")
    elif value not in rule.get("enum", [value]):
        yield f"{path}: {value!r} is not one of {rule['enum']}"
    elif rule.get("format") == "google-duration" and not DURATION.fullmatch(str(value)):
        yield f"{path}: {value!r} is not a duration"


def _members(value: Mapping[str, object], rule: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, member in value.items():
        known = rule.get("properties", {}).get(name) or rule.get("additionalProperties")
        if known is None:
            yield f"{path}.{name}: unknown field"
        else:
            yield from _judge(member, known, f"{path}.{name}")
