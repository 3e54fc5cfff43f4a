"""Push: Google's own schema judges what is sent, and the error table decides between a dead token and our own fault."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from channels.base import Address, Rejected, Retry, Sent, expect
from channels.http import Answer, retry_after
from channels.push.content import FRAME, PAYLOAD_LIMIT, PushContent
from channels.push.errors import BAD_REQUEST, FCM_ERROR
from channels.push.fcm import FcmAdapter, outcome_of
from channels.push.message import message_of
from channels.push.payload import fitted, weight
from channels.push.tokens import TokenError, Tokens
from channels.sandbox.fcm_shape import rule_violations, shape_violations
from channels.sandbox.server import Sandbox
from channels.signals import SlowDown, StopChannel
from tests.channels import samples
from tests.channels.discovery import faults
from tests.channels.servers import Odd, http_answer, http_server

NOW = 1_790_000_000.0


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox(credentials_file=tmp_path / "credentials.json") as running:
        yield running


def adapter(sandbox: Sandbox, tmp_path: Path, endpoint: str | None = None) -> FcmAdapter:
    settings = samples.push_settings(endpoint or sandbox.base_url, f"{sandbox.base_url}/token", tmp_path / "credentials.json")
    return FcmAdapter(settings, now=lambda: NOW)


def error(status: int, name: str, *details: dict[str, object], message: str = "no", **headers: str) -> Answer:
    body = {"error": {"code": status, "status": name, "message": message, "details": details}}
    return Answer(status, headers, json.dumps(body).encode())


def fcm(code: str) -> dict[str, object]:
    return {"@type": FCM_ERROR, "errorCode": code}


def violates(*fields: str) -> dict[str, object]:
    return {"@type": BAD_REQUEST, "fieldViolations": [{"field": name, "description": "bad"} for name in fields]}


PUSH = samples.envelope(samples.PUSH, samples.TOKEN)


def test_the_judge_finds_what_is_wrong() -> None:
    body = {"message": {"tokn": "x", "data": {"n": 1}, "android": {"priority": "high", "ttl": "3h"}, "fcmOptions": []}}
    assert len(faults(body, "SendMessageRequest")) == 5


ANYTHING = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3000).filter(str.strip)
PLATFORMS = st.sampled_from([None, "android", "ios", "web", "huawei"])


@settings(max_examples=60)
@given(
    title=ANYTHING,
    body=ANYTHING,
    image=st.sampled_from([None, samples.IMAGE]),
    link=st.sampled_from([None, "app://live", "https://example.com/x"]),
    data=st.dictionaries(st.from_regex(r"d[A-Za-z_]{0,20}", fullmatch=True), ANYTHING, max_size=3),
    address=st.builds(Address, st.just(1), st.sampled_from(["token", "fid"]), st.just("where-1"), PLATFORMS),
    priority=st.integers(0, 1000),
    seconds=st.integers(-5, 10**8),
)
def test_every_body_that_is_sent_is_what_google_and_the_sandbox_describe(
    title: str, body: str, image: str | None, link: str | None, data: dict[str, str], address: Address, priority: int, seconds: int
) -> None:
    values = {"title": title, "body": body, "image": image, "link": link, "data": data}
    content = PushContent.model_validate(values, context={"rendered": True})
    fits = fitted(samples.envelope(content, address, priority=priority, ttl=timedelta(seconds=seconds)))
    if fits is None:
        return  # title and data alone are too long
    message = message_of(fits, NOW)
    assert faults({"message": message}, "SendMessageRequest") == []
    assert shape_violations({"message": message}) == []
    assert rule_violations(message, PAYLOAD_LIMIT + 1) == []


def test_a_body_carries_our_key_wherever_a_device_collapses_by() -> None:
    message: Any = message_of(samples.envelope(samples.PUSH, Address(1, "token", "t")), NOW)
    assert message["notification"] == {"title": samples.PUSH.title, "body": samples.PUSH.body, "image": samples.IMAGE}
    assert message["data"] == {"key": samples.KEY, "campaign": "live-trading", "link": "app://live"}
    assert message["android"]["notification"]["tag"] == message["webpush"]["notification"]["tag"] == samples.KEY
    assert message["apns"]["headers"]["apns-collapse-id"] == samples.KEY
    # FCM ignores it for notifications, and stores only four at a time for a device that is off.
    assert "collapseKey" not in message["android"]


@pytest.mark.parametrize("platform, block", [("android", "android"), ("ios", "apns"), ("web", "webpush")])
def test_a_device_gets_the_block_of_its_platform_alone(platform: str, block: str) -> None:
    message = message_of(samples.envelope(samples.PUSH, Address(1, "fid", "f", platform)), NOW)
    assert {"android", "apns", "webpush"} & message.keys() == {block}
    assert message["fid"] == "f"


def test_a_browser_is_given_a_link_that_a_browser_can_open() -> None:
    def link(content: PushContent) -> object:
        message: Any = message_of(samples.envelope(content, Address(1, "token", "t", "web")), NOW)
        return message["webpush"].get("fcmOptions")

    assert link(samples.PUSH) is None
    assert link(samples.PUSH.model_copy(update={"link": "https://example.com/live"})) == {"link": "https://example.com/live"}


@pytest.mark.parametrize(
    "ttl, seconds, until", [(timedelta(hours=3), 10800, "1790010800"), (timedelta(days=90), 2419200, "1792419200"), (timedelta(0), 0, "0")]
)
def test_the_time_to_live_is_told_every_platform_and_never_beyond_four_weeks(ttl: timedelta, seconds: int, until: str) -> None:
    message: Any = message_of(samples.envelope(samples.PUSH, Address(1, "token", "t"), ttl=ttl), NOW)
    assert message["android"]["ttl"] == f"{seconds}s"
    assert message["apns"]["headers"]["apns-expiration"] == until
    assert message["webpush"]["headers"]["TTL"] == str(seconds)


@pytest.mark.parametrize("key", ["from", "message_type", "google.x", "gcm.notification.tag", "key", "link", "a b"])
def test_a_data_key_that_is_not_ours_to_use_is_refused_when_it_is_written(key: str) -> None:
    with pytest.raises(ValidationError, match=f'"{key}" is'):
        PushContent.model_validate({"title": "t", "body": "b", "data": {key: "x"}})


def test_a_template_that_is_too_long_before_any_name_is_filled_in_says_by_how_much() -> None:
    with pytest.raises(ValidationError, match=r"a push of 4,5\d\d bytes .* 4,096 fit. Take \d+ bytes away"):
        PushContent(title="t", body="é" * 2000 + "{{ name }}")
    assert weight(samples.envelope(PushContent(title="t", body="b"), Address(1, "token", "t"))) > FRAME


@settings(max_examples=25)
@given(body=st.text(st.sampled_from('aé…👩🏽\u200d💻e\u0301 "\\'), min_size=3000, max_size=5000).filter(str.strip))
def test_a_body_too_long_for_one_person_is_shortened_and_nothing_else(body: str) -> None:
    content = samples.PUSH.model_copy(update={"body": body})
    fits = fitted(samples.envelope(content, samples.TOKEN))
    assert fits is not None
    assert weight(fits) <= PAYLOAD_LIMIT
    shown = expect(PushContent, fits.content)
    assert shown.model_copy(update={"body": body}) == content
    if shown.body != body:
        assert shown.body.endswith("…")
        kept = shown.body.removesuffix("…")
        assert body.startswith(kept)
        assert weight(fits) > PAYLOAD_LIMIT - 60  # as much as fits, but for a sign that is not to be cut


async def test_what_does_not_fit_without_its_body_is_refused_without_asking(sandbox: Sandbox, tmp_path: Path) -> None:
    content = samples.PUSH.model_copy(update={"title": "é" * 2048})
    async with samples.running(adapter(sandbox, tmp_path)) as push:
        outcome = await push.send(samples.envelope(content, samples.TOKEN))
    assert outcome == Rejected("PAYLOAD_TOO_LARGE", detail="more than 4096 bytes without its body")
    assert sandbox.deliveries == []


async def test_a_long_body_arrives_shortened(sandbox: Sandbox, tmp_path: Path) -> None:
    content = samples.PUSH.model_copy(update={"body": "é" * 4000})
    async with samples.running(adapter(sandbox, tmp_path)) as push:
        assert isinstance(await push.send(samples.envelope(content, samples.TOKEN)), Sent)
    [delivery] = sandbox.deliveries
    assert json.loads(delivery.raw)["message"]["notification"]["body"].endswith("é…")


@pytest.mark.parametrize(
    "answer, drop",
    [
        (error(400, "INVALID_ARGUMENT", fcm("INVALID_ARGUMENT"), message="not a valid FCM registration token"), True),
        (error(400, "INVALID_ARGUMENT", fcm("INVALID_ARGUMENT"), violates("message.token")), True),
        (error(400, "INVALID_ARGUMENT", fcm("INVALID_ARGUMENT"), message="Android message is too big"), False),
        (error(400, "INVALID_ARGUMENT", violates("message.token", "message.data")), False),
        (error(404, "NOT_FOUND", fcm("UNREGISTERED")), True),
        (error(404, "NOT_FOUND"), False),
    ],
)
def test_an_address_is_dropped_only_when_it_is_certainly_dead(answer: Answer, drop: bool) -> None:
    outcome = outcome_of(answer, PUSH)
    assert isinstance(outcome, Rejected)
    assert outcome.drop_address is drop


def test_a_web_page_instead_of_google_is_never_the_end_of_a_message() -> None:
    assert isinstance(outcome_of(Answer(404, {}, b"<html>"), PUSH), Retry)
    assert isinstance(outcome_of(Answer(302, {}, b""), PUSH), Retry)
    assert isinstance(outcome_of(Answer(200, {}, b"[" * 60_000), PUSH), Retry)


def test_a_platform_credential_stops_its_platform() -> None:
    outcome = outcome_of(error(401, "UNAUTHENTICATED", fcm("THIRD_PARTY_AUTH_ERROR")), PUSH)
    assert outcome.signal == StopChannel("THIRD_PARTY_AUTH_ERROR", "android")


def test_quota_waits_as_long_as_google_says_else_a_minute() -> None:
    assert outcome_of(error(429, "RESOURCE_EXHAUSTED", fcm("QUOTA_EXCEEDED")), PUSH).signal == SlowDown(timedelta(seconds=60))
    told = outcome_of(error(429, "RESOURCE_EXHAUSTED", fcm("QUOTA_EXCEEDED"), **{"Retry-After": "7"}), PUSH)
    assert told.signal == SlowDown(timedelta(seconds=7))


@pytest.mark.parametrize(
    "headers, seconds",
    [
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "99999999999999999999"}, 86400),
        ({"Retry-After": "Sat, 21 Nov 2026 10:00:30 GMT", "Date": "Sat, 21 Nov 2026 10:00:00 GMT"}, 30),
        ({"Retry-After": "Sat, 21 Nov 2026 10:00:30 GMT"}, None),
        ({"Retry-After": "soon", "Date": "Sat, 21 Nov 2026 10:00:00 GMT"}, None),
        ({"Retry-After": "²"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_by_the_servers_clock(headers: dict[str, str], seconds: int | None) -> None:
    assert retry_after(headers) == (None if seconds is None else timedelta(seconds=seconds))


async def test_a_token_google_no_longer_takes_is_replaced_once_for_all_who_wait(sandbox: Sandbox, tmp_path: Path) -> None:
    async with samples.running(adapter(sandbox, tmp_path)) as push:
        assert isinstance(await push.send(PUSH), Sent)
        sandbox.tokens.revoke()
        outcomes = await asyncio.gather(*(push.send(samples.envelope(samples.PUSH, samples.TOKEN)) for _ in range(20)))
    assert {type(outcome) for outcome in outcomes} == {Sent}


async def test_one_renewal_serves_all_who_ask_at_once(tmp_path: Path, sandbox: Sandbox) -> None:
    grant = http_answer("200 OK", b'{"access_token":"fresh","expires_in":3600}', "Content-Type: application/json")
    async with http_server(Odd.NOTHING, grant) as endpoint:
        tokens = Tokens(tmp_path / "credentials.json", f"http://127.0.0.1:{endpoint.port}/token", 5)
        tokens.load()
        found = await asyncio.gather(*(tokens.get() for _ in range(30)))
        await tokens.close()
    assert set(found) == {"fresh"}
    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    "answer, code, signal",
    [
        (http_answer("400 Bad Request", b'{"error":"invalid_grant"}'), "TOKEN_REFUSED", StopChannel("TOKEN_REFUSED")),
        (b"nonsense\r\n\r\n", "TOKEN_UNAVAILABLE", SlowDown(timedelta(seconds=10))),
    ],
)
async def test_without_a_token_a_message_waits(answer: bytes, code: str, signal: object, sandbox: Sandbox, tmp_path: Path) -> None:
    async with http_server(Odd.NOTHING, answer) as endpoint:
        settings = samples.push_settings(sandbox.base_url, f"http://127.0.0.1:{endpoint.port}/", tmp_path / "credentials.json", deadline=2)
        async with samples.running(FcmAdapter(settings)) as push:
            outcome = await push.send(PUSH)
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.signal) == (code, signal)


@pytest.mark.parametrize(
    "status", ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
)
async def test_what_asks_for_a_token_follows_no_redirect(status: str, sandbox: Sandbox, tmp_path: Path) -> None:
    grant = http_answer("200 OK", b'{"access_token":"stolen","expires_in":3600}', "Content-Type: application/json")
    async with http_server(Odd.NOTHING, grant) as elsewhere:
        moved = http_answer(status, b"", f"Location: http://127.0.0.1:{elsewhere.port}/token")
        async with http_server(Odd.NOTHING, moved) as endpoint:
            tokens = Tokens(tmp_path / "credentials.json", f"http://127.0.0.1:{endpoint.port}/token", 5)
            tokens.load()
            with pytest.raises(TokenError) as caught:
                await tokens.get()
            await tokens.close()
    assert not caught.value.refused
    assert endpoint.requests
    assert elsewhere.connections == 0


def test_a_key_file_that_is_none_is_named(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text("{}")
    with pytest.raises(ValueError, match=r"key\.json is not a service account key file"):
        Tokens(file, None, 1).load()


@pytest.mark.parametrize("link", ["javascript:alert(1)", "http://example.com", "app:", "https:", "https://", "/x", "app://a b"])
def test_links_that_are_none_are_refused(link: str) -> None:
    with pytest.raises(ValidationError, match="is not a link"):
        PushContent(title="t", body="b", link=link)


def test_links_may_wait_for_rendering_but_are_judged_after_it() -> None:
    values = {"title": "t", "body": "b", "link": "https://example.com/{{ no }}", "image": "{{ poster }}"}
    assert PushContent.model_validate(values).link == "https://example.com/{{ no }}"
    with pytest.raises(ValidationError):
        PushContent.model_validate(values, context={"rendered": True})
