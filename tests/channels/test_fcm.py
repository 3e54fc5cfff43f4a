"""Push: Google's own schema judges what is sent, and the error table decides between a dead token and our own fault."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from channels.base import Address, Rejected, Retry, Sent, SlowDown, StopChannel
from channels.http import Answer, retry_after
from channels.push.content import PushContent
from channels.push.errors import BAD_REQUEST, FCM_ERROR
from channels.push.fcm import FcmAdapter, message_of, outcome_of
from channels.push.tokens import Tokens
from channels.sandbox.server import Sandbox
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


@given(
    title=st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip),
    image=st.sampled_from([None, samples.IMAGE]),
    link=st.sampled_from([None, "app://live", "https://example.com/x"]),
    address=st.sampled_from([samples.TOKEN, Address(1, "fid", "fid-1", "ios")]),
    priority=st.integers(0, 1000),
    seconds=st.integers(-5, 10**8),
)
def test_every_body_is_what_google_describes(
    title: str, image: str | None, link: str | None, address: Address, priority: int, seconds: int
) -> None:
    content = PushContent(title=title, body="isi", image=image, link=link)
    envelope = samples.envelope(content, address, priority=priority, ttl=timedelta(seconds=seconds))
    assert faults({"message": message_of(envelope, NOW)}, "SendMessageRequest") == []


def test_a_body_carries_our_key_wherever_a_device_collapses_by() -> None:
    message: Any = message_of(PUSH, NOW)
    assert message["token"] == "device-token-1"
    assert message["notification"] == {"title": samples.PUSH.title, "body": samples.PUSH.body, "image": samples.IMAGE}
    assert message["data"] == {"key": samples.KEY, "campaign": "live-trading", "link": "app://live"}
    assert message["android"]["collapseKey"] == message["android"]["notification"]["tag"] == samples.KEY
    assert message["apns"]["headers"]["apns-collapse-id"] == samples.KEY


def test_the_time_to_live_is_told_both_platforms_and_never_beyond_four_weeks() -> None:
    message: Any = message_of(PUSH, NOW)
    assert message["android"]["ttl"] == "10800s"
    assert message["apns"]["headers"]["apns-expiration"] == "1790010800"
    late: Any = message_of(samples.envelope(samples.PUSH, samples.TOKEN, ttl=timedelta(days=90)), NOW)
    assert late["android"]["ttl"] == "2419200s"


async def test_a_payload_beyond_four_kilobytes_is_refused_without_asking(sandbox: Sandbox, tmp_path: Path) -> None:
    content = samples.PUSH.model_copy(update={"body": "é" * 2048})
    async with samples.running(adapter(sandbox, tmp_path)) as push:
        outcome = await push.send(samples.envelope(content, samples.TOKEN))
    assert outcome == Rejected("PAYLOAD_TOO_LARGE", detail="more than 4096 bytes")
    assert sandbox.deliveries == []


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
    assert outcome.signal == StopChannel("THIRD_PARTY_AUTH_ERROR/android")


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
