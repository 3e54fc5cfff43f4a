"""docs/channels/push.md says what every error does as errors.py has it, every code of our own, and every setting."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from channels.push.errors import ERRORS, OF_PLATFORM
from channels.push.settings import PushSettings
from channels.verdicts import Do, Stop

HOME = Path(__file__).parents[2]
PAGE = (HOME / "docs" / "channels" / "push.md").read_text(encoding="utf-8")


def table(mark: str) -> dict[str, str]:
    """First cell → second, of the table under a mark."""
    found = re.search(rf"<!-- {mark} -->\n((?:\|.*\n)+)", PAGE)
    assert found is not None, mark
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in found[1].splitlines()[2:]]
    return {row[0].strip("`"): row[1] for row in rows}


def in_words(code: str) -> str:
    verdict = ERRORS[code]
    if verdict.stop is Stop.CAMPAIGN:
        return "gives it up; the campaign stops"
    if verdict.stop is Stop.CHANNEL:
        return f"waits; {'its platform' if code in OF_PLATFORM else 'the channel'} stops"
    if verdict.do is Do.REJECT:
        return "gives the device up and drops it" if verdict.drop_address else "gives the device up"
    return "tries again" + (f"; the account waits {verdict.slow.total_seconds():.0f} s" if verdict.slow else "")


def own_codes() -> set[str]:
    """Every code that the adapter gives in words of its own."""
    source = (HOME / "channels" / "push" / "fcm.py").read_text(encoding="utf-8")
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and node.args]
    made = [call.args[0] for call in calls if ast.unparse(call.func) in ("Retry", "Rejected")]
    return {str(item.value) for first in made for item in ast.walk(first) if isinstance(item, ast.Constant) and isinstance(item.value, str)}


def test_every_error_does_what_the_page_says() -> None:
    assert table("errors") == {code: in_words(code) for code in ERRORS}


def test_every_code_of_our_own_is_explained() -> None:
    assert table("codes").keys() == own_codes()


def test_every_setting_is_on_the_page() -> None:
    assert {f"KABAR_PUSH__{name}".upper() for name in PushSettings.model_fields} == set(re.findall(r"KABAR_PUSH__[A-Z_]*[A-Z]", PAGE))
