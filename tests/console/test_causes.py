"""Every code a dead letter can have is told in words, with what to do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from channels.email.bounces import judge, phrases
from channels.email.replies import RECIPIENT, SENDER
from channels.push.errors import ERRORS as PUSH
from channels.whatsapp.errors import ERRORS as WHATSAPP
from console.cli.causes import BOUNCES, OWN, Cause, cause
from console.cli.failed import explained

HOME = Path(__file__).parents[2]


def tables() -> Iterator[tuple[str, str]]:
    """(channel, code) of every line of every error table, as an attempt keeps it."""
    yield from (("push", code) for code in PUSH)
    yield from (("whatsapp", str(code)) for code in WHATSAPP)
    for name in {*RECIPIENT, *SENDER}:
        yield (
            "email",
            name
            if " " in name or (len(name) == 3 and name.isdigit())
            else f"{name[0]}50 {(name + '.0.0')[:5] if '.' in name else ''}".strip(),
        )


def ours() -> set[str]:
    """Every code that an adapter or a job gives by itself, read off the code."""
    found: set[str] = set()
    for path in (path for room in ("channels", "jobs") for path in (HOME / room).rglob("*.py") if "sandbox" not in path.parts):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="Rejected" | "Retry" | "Unknown" | "LetterError"), args=[first, *_]):
                    found |= {str(item.value) for item in ast.walk(first) if isinstance(item, ast.Constant) and isinstance(item.value, str)}
                case ast.FunctionDef(name="_code" | "why_not_open"):
                    returned = [item.value for item in ast.walk(node) if isinstance(item, ast.Return)]
                    found |= {item.value for item in returned if isinstance(item, ast.Constant) and isinstance(item.value, str)}
    return found


@pytest.mark.parametrize(("channel", "code"), sorted(set(tables())))
def test_every_line_of_an_error_table_has_words(channel: str, code: str) -> None:
    told = cause(channel, code)
    assert told.todo
    assert not told.text.startswith("the provider's own word"), code


def test_every_code_of_ours_has_words() -> None:
    assert {"timeout", "no_address", "dns", "parameter_empty", "PAYLOAD_TOO_LARGE"} <= ours()
    assert ours() - {"_adapter", *OWN} == set()


def test_every_reason_of_a_returned_mail_has_words() -> None:
    reasons = set(re.findall(r'^    (\w+)=r"""', Path(phrases.__file__).read_text(encoding="utf-8"), re.MULTILINE))
    reasons |= set(re.findall(r'"(?:\d\.\d+|\d)": "(\w+)"', Path(judge.__file__).read_text(encoding="utf-8"))) | {"unclear"}
    assert len(reasons) > 15
    assert reasons - BOUNCES.keys() == set()


def test_how_it_ended_stands_before_what_it_died_of() -> None:
    told = explained("push", "tries_used_up:UNAVAILABLE")
    assert told.text.startswith("all tries used up: the provider could not take it")
    assert explained("whatsapp", "in_doubt:too_late_to_retry:http_502").text.endswith("answered, with HTTP 502")


def test_a_code_nobody_knows_is_told_as_it_is() -> None:
    assert cause("whatsapp", "999999") == Cause("the provider's own word: 999999", "look the code up at the provider before any replay")
    assert cause("gone", "X").todo
