"""How the audit reads, for people and for scripts."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from rich.console import Console

from console.cli.audit import SENTENCES, as_json, show, verdict
from jobs.audit import Audit
from jobs.house import House
from store.breaches import Breach, Kind
from tests.audit.sent import at, evening

FRIDAY = at("2026-11-20 19:00")


def test_every_kind_of_breach_has_a_sentence() -> None:
    assert SENTENCES.keys() == set(Kind)


def test_a_clean_audit_says_how_much_it_looked_at() -> None:
    assert verdict(Audit(7, 3, {}, ())).startswith("clean: 7 messages, 3 people, rules checked: window,")


async def test_a_breach_is_told_with_its_customer_and_what_it_stood_against(house: House) -> None:
    friday = await evening(house)
    first = await friday.sent(FRIDAY)
    second = await friday.sent(FRIDAY + timedelta(hours=1), channel="email")
    out = StringIO()
    result = await friday.examine()
    show(result, Console(width=160, file=out))
    assert f"too soon after message {first} (Fri 20 Nov 2026 19:00:03)" in out.getvalue()
    assert out.getvalue().endswith("BREACHES: 1 in 2 messages, 1 people: gap 1\n")
    document = json.loads(as_json(result))
    assert (document["clean"], document["counts"]) == (False, {"gap": 1})
    assert (document["breaches"][0]["message_id"], document["breaches"][0]["customer_no"]) == (second, "C000001")


async def test_no_kind_crowds_out_another_and_all_are_counted(house: House) -> None:
    friday = await evening(house)
    for hour in range(10):
        await friday.sent(at("2026-11-16 08:00") + timedelta(hours=hour, minutes=1), channel="email")
    result = await friday.examine()
    assert result.counts == {Kind.WINDOW: 10, Kind.GAP: 9}
    assert {breach.kind for breach in result.found} == set(result.counts)


def test_a_breach_of_a_customer_whose_number_looks_like_markup_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    breach = Breach(Kind.GAP, 7, "C[/b]", "hello", "push", FRIDAY, "Asia/Jakarta", None, 6, FRIDAY)
    show(Audit(2, 1, {Kind.GAP: 1}, (breach,)), Console(width=160))
    assert "C[/b]" in capsys.readouterr().out
