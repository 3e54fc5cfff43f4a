"""The judge of the storm is judged: books that agree pass, and each way of lying is told."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.storm.books import Ours, Theirs, read
from tests.storm.judge import discrepancies

PHONE, DEVICE = "+628120000001", "device-1-0"
FACTS = {"reason": None, "maybe_duplicate": False, "attempts": 1, "campaign": "c", "on_tray": False, "category": "info"}


def _message(number: int, channel: str, status: str, **facts: object) -> Any:
    return SimpleNamespace(**FACTS | {"id": number, "channel": channel, "status": status, "provider_id": f"p{number}"} | facts)


def _attempt(outcome: str, code: str | None = None, address: str = PHONE) -> Any:
    return SimpleNamespace(outcome=outcome, code=code, address=address)


def _accepted(number: int, to: str, *, answered: bool = True) -> dict[str, Any]:
    return {"is": "accepted", "channel": "whatsapp", "to": to, "key": f"kabar-{number}", "provider_id": f"p{number}", "answered": answered}


def _status(number: int, status: str) -> dict[str, Any]:
    return {"is": "told", "item": {"id": f"p{number}", "status": status, "biz_opaque_callback_data": f"kabar-{number}"}}


LOG = [
    _accepted(1, PHONE),
    _status(1, "delivered"),
    {"is": "refused", "channel": "push", "to": DEVICE, "key": "kabar-2", "code": "UNREGISTERED"},
    _accepted(3, PHONE, answered=False),
    {"is": "broken", "channel": "whatsapp", "to": PHONE, "key": "kabar-3", "kind": "drop_after"},
    _accepted(5, DEVICE),
]
MESSAGES = (
    _message(1, "whatsapp", "delivered"),
    _message(2, "push", "failed", provider_id=None),
    _message(3, "whatsapp", "unknown", provider_id=None),
    _message(4, "popup", "sent", on_tray=True),
    _message(5, "push", "sent"),
)
ATTEMPTS = {
    1: (_attempt("sent"),),
    2: (_attempt("rejected", "UNREGISTERED", DEVICE),),
    3: (_attempt("unknown", "connection_lost"),),
    5: (_attempt("sent", address=DEVICE),),
}
OURS = Ours(MESSAGES, ATTEMPTS, frozenset({("push", DEVICE)}), frozenset(), {PHONE: 1}, 0, 0)


def _with(number: int, **facts: object) -> Ours:
    changed = [SimpleNamespace(**vars(message) | facts) if message.id == number else message for message in MESSAGES]
    return replace(OURS, messages=tuple(changed))


def _theirs(*more: dict[str, Any]) -> Theirs:
    return read([*LOG, *more])


def test_books_that_agree_pass() -> None:
    assert discrepancies(OURS, _theirs()) == []


@pytest.mark.parametrize(
    "our, more, words",
    [
        (_with(1, status="deferred"), [], "not final"),
        (_with(1, status="failed"), [], "accepted:"),
        (_with(1, status="read"), [], "told up to 1"),
        (_with(1, provider_id="another"), [], "the provider knows no another"),
        (_with(1, maybe_duplicate=True), [], "does not want"),
        (_with(2, status="sent"), [], "nobody accepted it"),
        (_with(2, status="unknown"), [], "no connection was in doubt"),
        (_with(3, status="expired"), [], "accepted:"),
        (_with(4, on_tray=False), [], "tray"),
        (OURS, [_accepted(1, PHONE)], "accepted 2 times, not flagged"),
        (OURS, [_status(3, "delivered")], "a receipt clears the doubt"),
        (OURS, [_accepted(9, PHONE)], "is no message of ours"),
        (OURS, [{"is": "refused", "channel": "whatsapp", "to": PHONE, "key": "kabar-1", "code": "131050"}], "not opted out"),
        (replace(OURS, dead=frozenset()), [], "not dropped"),
        (replace(OURS, dead=OURS.dead | {("email", "a@b.example")}), [], "dropped without reason"),
        (replace(OURS, unapplied=1), [], "1 receipts wait"),
        (replace(OURS, attempts=ATTEMPTS | {5: ()}), [], "sent by our book"),
    ],
)
def test_a_lie_in_either_book_is_told(our: Ours, more: list[dict[str, Any]], words: str) -> None:
    assert any(words in found for found in discrepancies(our, _theirs(*more)))


@pytest.mark.parametrize(
    "channel, attempts, refused, doubted",
    [
        # The first refusal came when nobody waited any more; or both were heard, and the time ran out before the mail was handed over.
        ("email", [("unknown", "timeout"), ("rejected", "550 5.7.1")], ["554 5.7.1 Spam", "550 5.7.1 Blocked"], True),
        ("email", [("retry", "timeout"), ("retry", "connect"), ("rejected", "550 5.7.1")], ["550 5.7.1 Blocked"], False),
        # It was given up before the server had read it; or it never left.
        ("whatsapp", [("unknown", "timeout"), ("rejected", "131026")], ["131026"], True),
        ("whatsapp", [("retry", "connect"), ("rejected", "131026")], ["131026"], False),
    ],
)
def test_an_answer_that_was_not_waited_for_leaves_a_doubt_where_it_may_have_been_a_good_one(
    channel: str, attempts: list[tuple[str, str]], refused: list[str], doubted: bool
) -> None:
    message = _message(6, channel, "unknown", provider_id=None, category="service")
    our = Ours((message,), {6: tuple(_attempt(*each) for each in attempts)}, frozenset(), frozenset(), {}, 0, 0)
    lines = [{"is": "refused", "channel": channel, "to": PHONE, "key": "kabar-6", "code": code} for code in refused]
    assert ["no connection was in doubt" in found for found in discrepancies(our, read(lines))] == ([] if doubted else [True])
