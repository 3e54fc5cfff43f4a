"""/v1/receipts/{channel}."""

from __future__ import annotations

import hmac
from datetime import timedelta
from io import BytesIO

from aiohttp import ClientSession

from jobs.clock import VirtualClock
from jobs.house import House
from tests.http.conftest import SECRET
from tests.world import campaign, configure, environment, files, rows

URL = "/v1/receipts/whatsapp"


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest()}


async def stored(house: House) -> list[tuple[str, bytes, bool]]:
    found = await rows(house.database, "SELECT source, body, applied_at IS NULL AS pending FROM receipts ORDER BY id")
    return [(row.source, bytes(row.body), row.pending) for row in found]


async def test_a_signed_receipt_is_kept_byte_for_byte_before_it_is_understood(house: House, web: ClientSession) -> None:
    body = b'{"entry": [ ] , "x":"\xc3\xa9"}'
    async with web.post(URL, data=body, headers=signed(body)) as answer:
        assert answer.status == 200
    assert await stored(house) == [("whatsapp", body, True)]


async def test_a_receipt_with_a_wrong_signature_is_refused_and_not_kept(house: House, web: ClientSession) -> None:
    for headers in ({}, signed(b"{}", "another"), signed(b"{ }"), {"X-Hub-Signature-256": "sha256=é"}):
        async with web.post(URL, data=b"{}", headers=headers) as answer:
            assert (answer.status, (await answer.json())["error"]) == (403, "bad_signature")
    assert await stored(house) == []


async def test_three_megabytes_are_taken_and_more_is_refused(house: House, web: ClientSession) -> None:
    whole, more = b"x" * 3 * 1024 * 1024, b"x" * (3 * 1024 * 1024 + 1)
    async with web.post(URL, data=BytesIO(whole), headers=signed(whole)) as answer:
        assert answer.status == 200
    async with web.post(URL, data=BytesIO(more), headers=signed(more)) as answer:
        assert answer.status == 413
    assert len(await stored(house)) == 1


async def test_the_greeting_is_echoed_to_who_knows_the_token(web: ClientSession) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "<b>42</b>", "hub.verify_token": "greeting"}
    async with web.get(URL, params=query) as answer:
        assert (answer.status, answer.content_type, await answer.text()) == (200, "text/plain", "<b>42</b>")
    async with web.get(URL, params=query | {"hub.verify_token": "other"}) as answer:
        assert answer.status == 403


async def test_a_channel_without_webhooks_takes_none(web: ClientSession) -> None:
    for name in ("email", "nothing"):
        async with web.post(f"/v1/receipts/{name}", data=b"{}") as answer:
            assert (answer.status, (await answer.json())["error"]) == (404, "unknown_channel")


async def test_the_secrets_and_tokens_of_every_account_are_good_as_long_as_it_is_configured(
    house: House, clock: VirtualClock, web: ClientSession
) -> None:
    account = "accounts: [{name: second, provider: meta, channel: whatsapp}]"
    body = b"{}"
    with environment({"KABAR_ACCOUNTS__SECOND__APP_SECRET": "another", "KABAR_ACCOUNTS__SECOND__VERIFY_TOKEN": "hello"}):
        await configure(house, files(campaign()) | {"channels.yaml": account})
        query = {"hub.mode": "subscribe", "hub.challenge": "42", "hub.verify_token": "hello"}
        async with web.get(URL, params=query) as answer:
            assert (answer.status, await answer.text()) == (200, "42")
    for secret, status in (("another", 200), (SECRET, 200), ("neither", 403)):
        async with web.post(URL, data=body, headers=signed(body, secret)) as answer:
            assert answer.status == status
    clock.advance_to(clock.now() + timedelta(seconds=1))
    await configure(house, files(campaign()))
    async with web.post(URL, data=body, headers=signed(body, "another")) as answer:
        assert answer.status == 403
