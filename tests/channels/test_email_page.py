"""docs/channels/email.md says what every reply does as replies.py has it, every code of our own, and every setting."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from channels.email.replies import RECIPIENT, SENDER
from channels.email.settings import EmailSettings
from channels.verdicts import Do, Stop, Verdict

HOME = Path(__file__).parents[2]
PAGE = (HOME / "docs" / "channels" / "email.md").read_text(encoding="utf-8")
TABLES = {"SENDER": SENDER, "RECIPIENT": RECIPIENT}
MAKERS = {"Retry", "Lost", "LetterError", "_broken"}  # whose first argument is a code


def table(mark: str) -> dict[str, str]:
    """First cell → second, of the table under a mark."""
    found = re.search(rf"<!-- {mark} -->\n((?:\|.*\n)+)", PAGE)
    assert found is not None, mark
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in found[1].splitlines()[2:]]
    return {row[0].strip("`"): row[1] for row in rows}


def in_words(verdict: Verdict) -> str:
    if verdict.stop is Stop.CHANNEL:
        return "waits; the channel stops"
    if verdict.do is Do.REJECT:
        end = "; another channel may take it" if verdict.unreachable else ""
        return "gives it up and drops the address" if verdict.drop_address else f"gives it up{end}"
    after = f" after {verdict.after // timedelta(minutes=1)} min" if verdict.after else ""
    who = "domain" if verdict.slow_domain else "account"
    return f"tries again{after}" + (f"; the {who} waits {verdict.slow.total_seconds():.0f} s" if verdict.slow else "")


def codes() -> Iterator[str]:
    """Every code that the adapter gives in words of its own."""
    for path in (HOME / "channels" / "email").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in MAKERS and node.args:
                yield from (item.value for item in ast.walk(node.args[0]) if isinstance(item, ast.Constant) and isinstance(item.value, str))
            if isinstance(node, ast.FunctionDef) and node.name == "why_not_open":
                yield from (str(ast.literal_eval(item.value)) for item in ast.walk(node) if isinstance(item, ast.Return) and item.value)
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                defaults = [item.value for item in node.args.defaults if isinstance(item, ast.Constant)]
                yield from (item for item in defaults if isinstance(item, str))


@pytest.mark.parametrize("name", TABLES)
def test_every_reply_does_what_the_page_says(name: str) -> None:
    replies: Mapping[str, Verdict] = TABLES[name]
    assert table(f"replies: {name}") == {code: in_words(verdict) for code, verdict in replies.items()}


def test_every_code_of_our_own_is_explained() -> None:
    assert table("codes").keys() == set(codes())


def test_every_setting_is_on_the_page() -> None:
    assert {f"KABAR_EMAIL__{name}".upper() for name in EmailSettings.model_fields} == set(re.findall(r"KABAR_EMAIL__[A-Z_]*[A-Z]", PAGE))
