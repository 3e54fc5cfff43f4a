"""The judge of the kills is judged: books of a killed fleet that agree pass, and each way of lying is told."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos.judge import Kind, heard, judge
from tests.storm.books import Ours, Theirs, read

FACTS = {"reason": None, "maybe_duplicate": False, "attempts": 1, "campaign": "c", "on_tray": False, "provider_id": None}
CHANNELS = {1: "push", 2: "popup", 3: "whatsapp", 4: "email", 5: "email", 6: "email", 7: "push"}


def _message(number: int, status: str, category: str = "promo", **facts: object) -> Any:
    return SimpleNamespace(**FACTS | {"id": number, "channel": CHANNELS[number], "category": category, "status": status} | facts)


def _accepted(number: int) -> dict[str, Any]:
    to, key = f"address-{number}", f"kabar-{number}"
    return {"is": "accepted", "channel": CHANNELS[number], "to": to, "key": key, "provider_id": f"p{number}", "answered": True}


def _sent(number: int) -> Any:
    return SimpleNamespace(outcome="sent", code=None, address=f"address-{number}")


# 1, 2 and 3 as if nothing had happened. The sender of 4 was killed before, that of 5 after the provider had it; that of 6, which may be
# sent again, and that of 7, which the device collapses, after the provider had it, and another sent them again.
MESSAGES = (
    _message(1, "sent", "info", provider_id="p1"),
    _message(2, "sent", "info", on_tray=True),
    _message(3, "sent", provider_id="p3"),
    _message(4, "unknown", reason="lease_lapsed"),
    _message(5, "unknown", reason="lease_lapsed"),
    _message(6, "sent", "service", attempts=2, maybe_duplicate=True),
    _message(7, "sent", "info", attempts=2, provider_id="p7"),
)
LOG = [_accepted(number) for number in (1, 3, 5, 6, 6, 7, 7)]
OURS = Ours(MESSAGES, {number: (_sent(number),) for number in (1, 3, 6, 7)}, frozenset(), frozenset(), {}, 0, 0)


def _with(number: int, **facts: object) -> Ours:
    changed = [SimpleNamespace(**vars(message) | facts) if message.id == number else message for message in MESSAGES]
    return replace(OURS, messages=tuple(changed))


def _theirs(*more: dict[str, Any], without: int = 0) -> Theirs:
    return read([*(line for line in LOG if line["key"] != f"kabar-{without}"), *more])


def test_books_that_agree_pass_and_are_counted() -> None:
    tally = judge(OURS, _theirs(), in_flight=1)
    assert tally.breaches == []
    once, again, safe = (tally.kinds[kind] for kind in (Kind.ONCE, Kind.AGAIN, Kind.SAFE))
    assert (once.messages, once.lost, once.doubled, once.unknown, once.never) == (3, 0, 0, 2, 1)
    assert (again.messages, again.doubled, again.flagged, again.silent) == (1, 1, 1, 0)
    assert (safe.messages, safe.lost, safe.doubled) == (3, 0, 1)


@pytest.mark.parametrize(
    "our, their, words",
    [
        pytest.param(OURS, _theirs(without=3), "message 3 (whatsapp, c, at most once) is sent (None): lost", id="settled, not sent"),
        pytest.param(OURS, _theirs(without=7), "message 7 (push, c, collapsed by our id) is sent (None): lost", id="a push is lost"),
        pytest.param(_with(2, on_tray=False), _theirs(), "message 2 (popup, c, collapsed by our id) is sent (None): lost", id="no pop-up"),
        pytest.param(OURS, _theirs(_accepted(3)), "the provider took it 2 times", id="sent again though at most once"),
        pytest.param(_with(5, status="sent", attempts=2), _theirs(_accepted(5)), "the provider took it 2 times", id="lapsed, sent again"),
        pytest.param(_with(4, maybe_duplicate=True), _theirs(), "which its category does not want", id="flagged though at most once"),
        pytest.param(_with(6, maybe_duplicate=False), _theirs(), "taken 2 times, not flagged", id="not flagged"),
        pytest.param(OURS, _theirs(_accepted(6)), "2 repeats, but only 1 messages were in flight", id="more repeats than kills"),
        pytest.param(_with(6, status="unknown"), _theirs(without=6), "lost", id="left in doubt though to be sent again"),
        pytest.param(_with(4, status="sending"), _theirs(), "lost", id="held by the dead"),
        pytest.param(_with(4, status="failed"), _theirs(), "lost", id="given up"),
        pytest.param(_with(5, status="failed"), _theirs(), "the provider has it", id="called failed though taken"),
        pytest.param(_with(3, status="unknown", attempts=1), _theirs(), "its acceptance was answered", id="in doubt without reason"),
    ],
)
def test_a_lie_is_told(our: Ours, their: Theirs, words: str) -> None:
    assert any(words in breach for breach in judge(our, their, in_flight=1).breaches)


def test_an_answer_that_the_network_broke_off_is_no_lie_where_it_did() -> None:
    ours = replace(OURS, attempts={**OURS.attempts, 3: (SimpleNamespace(outcome="unknown", code="connection_lost", address="address-3"),)})
    assert judge(ours, _theirs(), in_flight=1, cut=True).breaches == []
    assert any("sent by our book {}" in breach for breach in judge(ours, _theirs(), in_flight=1).breaches)


def test_an_event_is_one_message_or_the_judge_tells() -> None:
    assert heard(frozenset({"a", "b"}), {"a": 1, "b": 1}) == []
    assert heard(frozenset({"a", "b", "c"}), {"a": 2, "b": 0, "d": 1}) == [
        "event a was acknowledged and is 2 messages",
        "event b was acknowledged and is 0 messages",
        "event c was acknowledged and is 0 messages",
        "event d was never acknowledged",
    ]
