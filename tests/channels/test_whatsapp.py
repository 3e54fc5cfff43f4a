"""WhatsApp: the body Meta takes, every code of the table, and webhooks of any shape."""

from __future__ import annotations

import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from channels.base import Address, Outcome, Rejected, Retry, Sent, Unknown
from channels.http import Answer, Fault
from channels.incoming import Receipt, ReceiptKind
from channels.sandbox.cloud_shape import first_problem
from channels.signals import HoldPerson, SlowDown, StopCampaign, StopChannel
from channels.verdicts import Do
from channels.whatsapp.cloud import CloudAdapter, message_of, outcome_of
from channels.whatsapp.content import WhatsAppContent
from channels.whatsapp.errors import ERRORS
from channels.whatsapp.parts import WhatsAppButton
from channels.whatsapp.receipts import challenge, parse, verify
from tests.channels import samples

WHATSAPP = samples.envelope(samples.WHATSAPP, samples.PHONE)
AT = datetime.fromtimestamp(1_790_000_000, UTC)


def refused(code: object, status: int = 400, **headers: str) -> Outcome:
    body = {"error": {"code": code, "message": "no", "error_data": {"details": f"no to {samples.PHONE.value}"}}}
    return outcome_of(Answer(status, headers, json.dumps(body).encode()), WHATSAPP)


def test_a_body_is_what_meta_takes() -> None:
    body = message_of(WHATSAPP)
    assert first_problem(body, {}) is None
    assert body["to"] == "+6281234567890"
    assert body["biz_opaque_callback_data"] == samples.KEY
    assert body["template"] == {
        "name": "live_trading",
        "language": {"code": "id"},
        "components": [
            {"type": "header", "parameters": [{"type": "image", "image": {"link": samples.IMAGE}}]},
            {"type": "body", "parameters": [{"type": "text", "text": "Bu Sari"}, {"type": "text", "text": "09:00"}]},
            {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "live/1"}]},
            {"type": "button", "sub_type": "quick_reply", "index": "1", "parameters": [{"type": "payload", "payload": "BERHENTI"}]},
        ],
    }


def test_a_person_who_hides_the_number_is_addressed_by_user_id() -> None:
    body = message_of(samples.envelope(samples.WHATSAPP, Address(1, "bsuid", "US.1349")))
    assert body["recipient"] == "US.1349"
    assert "to" not in body
    assert first_problem(body, {}) is None


def test_a_button_without_a_value_keeps_its_place() -> None:
    buttons = (WhatsAppButton(kind="url"), WhatsAppButton(kind="quick_reply", value="STOP"))
    content = WhatsAppContent(name="x", buttons=buttons, text="x")
    template = message_of(samples.envelope(content, samples.PHONE))["template"]
    assert isinstance(template, dict)
    assert [component["index"] for component in template["components"]] == ["1"]


def test_line_breaks_in_a_parameter_become_blanks() -> None:
    content = WhatsAppContent(name="x", parameters=("a\n\tb      c",), text="x")
    assert first_problem(message_of(samples.envelope(content, samples.PHONE)), {}) is None


async def test_one_persons_data_never_stops_a_campaign() -> None:
    adapter = CloudAdapter(samples.whatsapp_settings("http://127.0.0.1:1"))
    gap = WhatsAppContent.model_construct(name="x", parameters=("",), text="x")
    long = WhatsAppContent(name="x", parameters=("x" * 1025,), text="x")
    assert await adapter.send(samples.envelope(gap, samples.PHONE)) == Rejected("parameter_empty")
    assert (await adapter.send(samples.envelope(long, samples.PHONE))).signal is None


STOPS_CAMPAIGN = (100, 131008, 131009, 131047, 131053, 132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016)
STOPS_CHANNEL = (0, 3, 10, 190, *range(200, 300), 131005, 368, 131031, 131037, 131042, 131045, 133010, 131063, 130497)


@pytest.mark.parametrize("code", STOPS_CAMPAIGN)
def test_codes_that_stop_the_campaign(code: int) -> None:
    outcome = refused(code)
    assert isinstance(outcome, Rejected)
    assert not outcome.drop_address
    assert outcome.signal == StopCampaign(str(code))


@pytest.mark.parametrize("code", STOPS_CHANNEL)
def test_codes_that_stop_the_channel_leave_the_message_to_be_sent_later(code: int) -> None:
    outcome = refused(code, 401)
    assert isinstance(outcome, Retry)
    assert outcome.signal == StopChannel(str(code))


@pytest.mark.parametrize("code", (1, 2, 131000, 131016, 131057))
def test_codes_that_pass(code: int) -> None:
    outcome = refused(code, 500)
    assert isinstance(outcome, Retry)
    assert outcome.signal is None


@pytest.mark.parametrize("code, seconds", [(130429, 5), (4, 60), (80007, 60), (131048, 3600), (131064, 3600)])
def test_codes_that_slow_everybody_down(code: int, seconds: int) -> None:
    outcome = refused(code, 429)
    assert isinstance(outcome, Retry)
    assert outcome.signal == SlowDown(timedelta(seconds=seconds), alert=code in (131048, 131064))


def test_codes_about_one_person() -> None:
    assert refused(131050) == Rejected("131050", opted_out=True, detail="no to ***")
    assert {type(refused(code)) for code in (131026, 131021, 130472)} == {Rejected}
    assert not any(getattr(refused(code), "drop_address", True) for code in (131026, 131021, 130472))
    assert all(getattr(refused(code), "elsewhere", False) for code in (131026, 131021, 130472, 131050))
    assert not getattr(refused(132015), "elsewhere", True)
    assert {getattr(refused(code), "suspect", False) for code in (131026, 131021)} == {True}
    day, step = timedelta(hours=24), timedelta(seconds=16)
    assert refused(131049) == Retry("131049", day, HoldPerson(day, offers_only=True), detail="no to ***")
    assert refused(131056) == Retry("131056", step, HoldPerson(step), detail="no to ***")


def test_codes_nobody_listed_end_the_message_unless_the_server_failed() -> None:
    assert isinstance(refused(999999), Rejected)
    assert isinstance(refused(999999, 500), Retry)


def test_doubt_is_unknown_and_only_doubt() -> None:
    def said(status: int, body: bytes = b"<html>") -> Outcome:
        return outcome_of(Answer(status, {}, body), WHATSAPP)

    assert outcome_of(Fault("timeout", left=True), WHATSAPP) == Unknown("timeout")
    assert outcome_of(Fault("connect", left=False), WHATSAPP) == Retry("connect")
    assert {type(said(status)) for status in (200, 500, 502, 504)} == {Unknown}
    assert {type(said(status)) for status in (302, 404, 429, 503)} == {Retry}
    assert said(200, b'{"messages":[{"id":"wamid.1"}]}') == Sent("wamid.1")
    assert said(200, b'{"messages":[{"id":7}]}') == Unknown("unreadable_answer")


def test_a_signature_is_of_the_secret_and_of_every_byte() -> None:
    header = "sha256=" + hmac.new(b"secret", b"{}", "sha256").hexdigest()
    assert verify("secret", b"{}", header)
    assert not verify("other", b"{}", header)
    assert not verify("secret", b"{} ", header)
    assert not any(verify("secret", b"{}", bad) for bad in (None, "", "sha256=", header.upper(), "sha256=é", header[7:]))


def test_a_webhook_is_set_up_only_with_our_token() -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": "ours", "hub.challenge": "42"}
    assert challenge(query, "ours") == "42"
    assert challenge(query | {"hub.verify_token": "theirs"}, "ours") is None
    assert challenge(query | {"hub.mode": "unsubscribe"}, "ours") is None
    assert challenge({}, "ours") is None


def webhook(**value: object) -> bytes:
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"changes": [{"value": value}]}]}).encode()


def status(name: str, **more: object) -> dict[str, object]:
    return {"id": "wamid.1", "status": name, "timestamp": "1790000000", "biz_opaque_callback_data": "key", **more}


def said(**more: object) -> dict[str, object]:
    return {"from": "6281234567890", "id": "wamid.2", "timestamp": "1790000000", **more}


def test_statuses_name_our_key() -> None:
    names = ("sent", "delivered", "read", "played", "failed")
    found = parse(webhook(statuses=[status(name) for name in names]))
    kinds = (ReceiptKind.SENT, ReceiptKind.DELIVERED, ReceiptKind.READ, ReceiptKind.READ, ReceiptKind.FAILED)
    assert found == [Receipt(kind, AT, "key", "wamid.1") for kind in kinds]


def test_a_failure_carries_its_code_and_an_opt_out_is_told_twice() -> None:
    [absent] = parse(webhook(statuses=[status("failed", errors=[{"code": 131026}])]))
    assert (absent.code, absent.unreachable) == ("131026", True)
    assert not any(receipt.unreachable for receipt in parse(webhook(statuses=[status("failed", errors=[{"code": 131000}])])))
    both = parse(webhook(statuses=[status("failed", errors=[{"code": 131050}])]))
    assert [receipt.kind for receipt in both] == [ReceiptKind.FAILED, ReceiptKind.OPTED_OUT]


@pytest.mark.parametrize("words", ["STOP", "berhenti", " Berhenti. ", "stop!"])
def test_a_person_who_writes_stop_has_opted_out(words: str) -> None:
    [receipt] = parse(webhook(messages=[said(type="text", text={"body": words})]))
    assert (receipt.kind, receipt.address) == (ReceiptKind.OPTED_OUT, "+6281234567890")


def test_other_words_are_a_reply_for_a_person_to_see() -> None:
    [typed] = parse(webhook(messages=[said(text={"body": "Jangan berhenti dulu"}, context={"id": "wamid.1"})]))
    assert typed == Receipt(ReceiptKind.REPLIED, AT, provider_id="wamid.1", address="+6281234567890", text="Jangan berhenti dulu")
    [tapped] = parse(webhook(messages=[said(type="button", button={"payload": "BERHENTI", "text": "Stop"})]))
    assert tapped.kind is ReceiptKind.OPTED_OUT
    [picture] = parse(webhook(messages=[said(type="image", image={"id": "1"})]))
    assert (picture.kind, picture.text) == (ReceiptKind.REPLIED, "[image]")


def test_preferences_opt_out_and_in_also_without_a_number() -> None:
    stop = {"wa_id": "6281234567890", "value": "stop", "timestamp": 1790000000}
    resume = {"user_id": "US.1", "value": "resume", "timestamp": 1790000000}
    found = parse(webhook(user_preferences=[stop, resume]))
    assert [(receipt.kind, receipt.address) for receipt in found] == [
        (ReceiptKind.OPTED_OUT, "+6281234567890"),
        (ReceiptKind.OPTED_IN, "US.1"),
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "status", "timestamp", "from", "text", "body", "errors", "code", "value", "button"]), inner
        )
    ),
    max_leaves=12,
)


@given(json_values, json_values, json_values)
def test_odd_shapes_are_passed_over(statuses: object, messages: object, preferences: object) -> None:
    parse(webhook(statuses=[statuses], messages=[messages], user_preferences=preferences))
    parse(json.dumps({"entry": statuses}).encode())


@pytest.mark.parametrize("raw", [b"", b"[]", b"nope", b"\xff", b'{"a":' * 100_000, b"1"])
def test_what_is_not_a_json_object_is_an_error(raw: bytes) -> None:
    with pytest.raises(ValueError, match="the webhook is not"):
        parse(raw)


def test_content_knows_metas_limits() -> None:
    with pytest.raises(ValidationError, match="at most 2 url buttons"):
        WhatsAppContent(name="x", text="x", buttons=tuple(WhatsAppButton(kind="url", value="x") for _ in range(3)))
    with pytest.raises(ValidationError):
        WhatsAppContent(name="Live Trading", text="x")


PAGE = (Path(__file__).parents[2] / "docs" / "channels" / "whatsapp.md").read_text(encoding="utf-8")


def documented() -> dict[int, tuple[str, str]]:
    """Code → what the page says becomes of the message, and what besides."""
    found: dict[int, tuple[str, str]] = {}
    for line in PAGE.partition("<!-- codes -->")[2].partition("\n\n")[0].splitlines()[3:]:
        codes, _, message, besides = (cell.strip() for cell in line.split("|")[1:-1])
        for code in codes.split(", "):
            first, _, last = code.partition("–")
            for number in range(int(first), int(last or first) + 1):
                assert number not in found, f"{number} stands twice"
                found[number] = (message, besides)
    return found


def in_words(code: int) -> tuple[str, str]:
    verdict = ERRORS[code]
    message = "fails" if verdict.do is Do.REJECT else "waits" if verdict.stop else "tried again"
    besides = ["opt-out"] if verdict.opted_out else []
    besides += ["the number is dropped when it repeats"] if verdict.suspect else []
    besides += [f"the {verdict.stop} stops"] if verdict.stop else []
    besides += [f"the account pauses {verdict.slow.total_seconds():g} s"] if verdict.slow else []
    besides += ["alert"] if verdict.alert else []
    if verdict.hold:
        hours = verdict.hold.after == timedelta(hours=24)
        message += " after 24 h" if hours else ""
        besides.append(
            "offers to this person wait 24 h" if verdict.hold.offers_only else f"this person waits {verdict.hold.after.seconds} s"
        )
    return message, "; ".join(besides)


def test_the_page_says_what_every_code_does() -> None:
    assert documented() == {code: in_words(code) for code in ERRORS}
