"""docs/runbook.md explains every event that the code logs, and none that it does not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

HOME = Path(__file__).parents[2]
PAGE = (HOME / "docs" / "runbook.md").read_text(encoding="utf-8")
ROOMS = ("config", "rules", "channels", "store", "jobs", "scheduler", "console")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def logged() -> Iterator[str]:
    """Every event name as a pattern; what is filled in at run time matches any word."""
    for path in (path for room in ROOMS for path in (HOME / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS and node.args:
                logger = ast.unparse(node.func.value)
                if logger == "log" or "get_logger" in logger:
                    yield from patterns(node.args[0])


def patterns(name: ast.expr) -> Iterator[str]:
    match name:
        case ast.Constant(value=str(text)):
            yield re.escape(text)
        case ast.IfExp(body=first, orelse=second):
            yield from (*patterns(first), *patterns(second))
        case ast.JoinedStr(values=parts):
            yield "".join(re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"\w+" for part in parts)
        case _:
            raise AssertionError(f"{ast.unparse(name)} is not an event's name in words")


def explained() -> set[str]:
    cells = re.findall(r"^\| (`\w+\.\w+`.*?) \| (?:debug|info|warning|error|critical) \|", PAGE, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+\.\w+)`", cell)}


def test_every_event_is_explained() -> None:
    assert not [pattern for pattern in logged() if not any(re.fullmatch(pattern, name) for name in explained())]


def test_no_event_is_explained_that_nobody_logs() -> None:
    every = set(logged())
    assert not [name for name in explained() if not any(re.fullmatch(pattern, name) for pattern in every)]
