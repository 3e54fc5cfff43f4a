"""The sandbox misbehaves on demand, its log tells what customers really got, and it can be looked into."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import ClientError
from aiosmtplib import SMTPTimeoutError
from pydantic import ValidationError

from channels.sandbox.faults import Faults, Rule
from channels.sandbox.journal import Journal
from channels.sandbox.server import Sandbox
from channels.sandbox.templates import Template
from tests.channels.sandbox_fixture import Client, banner, listening, opened, template

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with opened(tmp_path, log_file=tmp_path / "deliveries.jsonl") as client:
        yield client


# --- faults ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind, delivered", [("drop_before", 0), ("drop_after", 1)])
async def test_a_dropped_request_leaves_the_truth_in_the_log(client: Client, kind: str, delivered: int) -> None:
    client.sandbox.faults.add(Rule(channel="whatsapp", kind=kind))
    with pytest.raises(ClientError):
        await client.whatsapp(template("+6281111"))
    assert [item.answered for item in client.sandbox.deliveries] == [False] * delivered
    assert client.sandbox.journal.counts["whatsapp"].dropped == {kind: 1}


async def test_a_hanging_provider_lets_the_caller_give_up_and_the_sandbox_stop(tmp_path: Path) -> None:
    async with opened(tmp_path) as client:
        client.sandbox.faults.replace([Rule(channel="push", kind="hang"), Rule(channel="email", kind="hang")])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.push(banner("device-1")), 0.05)
        with pytest.raises(SMTPTimeoutError):
            await client.mail("budi@example.com", patience=0.05)


async def test_a_garbage_answer_is_not_json(client: Client) -> None:
    client.sandbox.faults.add(Rule(channel="push", kind="garbage"))
    answer = await client.push(banner("device-1"))
    assert answer.status == 200
    with pytest.raises(ValueError, match=r"JSON|decode"):
        json.loads(answer.body)


async def test_latency_lets_the_next_rule_have_its_say(client: Client) -> None:
    client.sandbox.faults.replace([Rule(channel="push", kind="latency", ms=20), Rule(channel="push", kind="UNAVAILABLE")])
    loop = asyncio.get_running_loop()
    begun = loop.time()
    assert (await client.push(banner("device-1"))).status == 503
    assert loop.time() - begun >= 0.019


async def test_a_rule_may_strike_only_the_first_attempts_of_each_address(client: Client) -> None:
    client.sandbox.faults.add(Rule(channel="push", kind="UNAVAILABLE", times=2))
    answers = [(await client.push(banner(token))).status for token in ("a", "a", "b", "a", "b", "b")]
    assert answers == [503, 503, 503, 200, 503, 200]


def test_a_share_strikes_the_same_attempts_in_any_order() -> None:
    traffic = [(f"device-{number}", f"m{number}") for number in range(2_000)]

    def struck(order: list[tuple[str, str]]) -> set[tuple[str, str]]:
        faults = Faults(seed=7)
        faults.add(Rule(channel="push", kind="UNAVAILABLE", share=0.2))
        return {(address, key) for address, key in order if faults.judge("push", address, key).at("answer")}

    assert struck(traffic) == struck(traffic[::-1])
    assert 300 < len(struck(traffic)) < 500


def test_a_share_is_drawn_anew_for_each_attempt() -> None:
    faults = Faults()
    faults.add(Rule(channel="push", kind="UNAVAILABLE", share=0.5))
    struck = [bool(faults.judge("push", "device-1", "m1").fired) for _ in range(100)]
    assert 25 < sum(struck) < 75


@pytest.mark.parametrize(
    "rule",
    [
        {"channel": "push", "kind": "UNREGISTRED"},
        {"channel": "whatsapp", "kind": "UNREGISTERED"},
        {"channel": "email", "kind": "250 OK"},
        {"channel": "push", "kind": "latency"},
        {"channel": "push", "kind": "INTERNAL", "stage": "data"},
        {"channel": "whatsapp", "kind": "hang", "stage": "webhook"},
    ],
)
def test_a_rule_no_provider_would_follow_is_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Rule.model_validate(rule)


async def test_faults_are_set_and_lifted_over_http(client: Client) -> None:
    rules = [{"channel": "push", "kind": "UNREGISTERED", "address": "dead-*"}]
    assert (await client.call("PUT", "/_sandbox/faults", rules)).body == {"rules": rules}
    assert [(await client.push(banner(token))).status for token in ("dead-1", "live-1")] == [404, 200]
    assert (await client.call("DELETE", "/_sandbox/faults")).status == 204
    assert (await client.push(banner("dead-1"))).status == 200


async def test_a_wrong_rule_over_http_says_what_is_wrong(client: Client) -> None:
    answer = await client.call("PUT", "/_sandbox/faults", [{"channel": "push", "kind": "NOPE"}])
    assert answer.status == 400
    assert '"NOPE"' in answer.body["error"]


# --- looking in -----------------------------------------------------------------------------------------------------


async def test_messages_are_shown_as_the_customer_sees_them(client: Client) -> None:
    client.sandbox.templates.put(Template(name="ultah", body="Halo {{1}}!", footer="Kabar"))
    await client.push(banner("device-1"))
    await client.whatsapp(template("+6281111"))
    await client.mail("budi@example.com", body="Halo Budi")
    mail, chat, push = (await client.call("GET", "/_sandbox/messages?limit=3")).body["messages"]
    assert "<p>Halo Budi</p>" in mail["content"]["html"]
    assert (chat["content"]["text"], chat["content"]["footer"]) == ("Halo Budi!", "Kabar")
    assert (push["content"]["title"], push["content"]["body"]) == ("Selamat", "Halo Budi")


async def test_messages_are_found_by_channel_customer_and_campaign(client: Client) -> None:
    await client.push(banner("device-1"))
    await client.whatsapp(template("+6281111"))
    await client.whatsapp(template("+6282222", name="promo"))

    async def found(query: str) -> list[str]:
        return [item["to"] for item in (await client.call("GET", f"/_sandbox/messages?{query}")).body["messages"]]

    assert await found("channel=push") == ["device-1"]
    assert await found("to=*6281*") == ["+6281111"]
    assert await found("campaign=promo") == ["+6282222"]
    assert await found("channel=whatsapp&limit=1") == ["+6282222"]


async def test_counters_tell_accepted_rejected_and_dropped(client: Client) -> None:
    client.sandbox.faults.add(Rule(channel="push", kind="UNREGISTERED", address="dead"))
    for token in ("dead", "live"):
        await client.push(banner(token))
    push = (await client.call("GET", "/_sandbox/counters")).body["push"]
    assert push == {"accepted": 1, "shown": 1, "repeats": 0, "unanswered": 0, "rejected": {"UNREGISTERED": 1}, "dropped": {}}


async def test_each_accepted_message_is_in_the_log_before_its_answer(client: Client, tmp_path: Path) -> None:
    await client.push(banner("device-1"))
    (line,) = (tmp_path / "deliveries.jsonl").read_text().splitlines()
    facts = json.loads(line)
    assert (facts["channel"], facts["to"], facts["key"], facts["answered"], facts["copies"]) == ("push", "device-1", "m1", True, 1)


async def test_the_page_needs_nothing_from_elsewhere(client: Client) -> None:
    page = (await client.call("GET", "/")).body.decode()
    assert "Semua nasabah" in page
    for path in re.findall(r'(?:src|href)="([^"]+)"', page):
        answer = await client.call("GET", path)
        assert answer.status == 200
        assert b"https://" not in answer.body


async def test_a_reply_typed_on_the_page_reaches_the_webhook(tmp_path: Path) -> None:
    async with listening() as hook, opened(tmp_path, webhook_url=hook.url) as client:
        assert (await client.call("POST", "/_sandbox/inbound", {"from": "+6281111", "text": "STOP"})).status == 202
        await client.sandbox.webhooks.settled()
        assert hook.values[0]["messages"][0]["from"] == "6281111"


async def test_a_reply_nobody_would_hear_is_refused(client: Client) -> None:
    assert (await client.call("POST", "/_sandbox/inbound", {"from": "+6281111", "text": "STOP"})).status == 409


def test_memory_keeps_the_last_messages_and_counts_all() -> None:
    journal = Journal(lambda: NOON, keep=3, keep_bytes=25)
    for number in range(6):
        journal.accept("push", to="a", key=str(number), campaign="", provider_id="", raw=b"x" * 10)
    assert [item.key for item in journal] == ["4", "5"]
    assert journal.counts["push"].accepted == 6


async def test_waiting_ends_when_so_many_messages_have_come(client: Client) -> None:
    waiting = asyncio.create_task(client.sandbox.journal.reached(2))
    await client.push(banner("device-1"))
    assert not waiting.done()
    await client.push(banner("device-2"))
    await asyncio.wait_for(waiting, 1)


# --- starting and stopping ------------------------------------------------------------------------------------------


async def test_a_restarted_sandbox_keeps_its_key(tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    keys = []
    for _ in range(2):
        async with Sandbox(credentials_file=file):
            keys.append(json.loads(file.read_text())["private_key"])
    assert keys[0] == keys[1]
    assert file.stat().st_mode & 0o077 == 0


async def test_real_credentials_are_never_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    file.write_text('{"project_id": "production", "private_key": "x"}')
    with pytest.raises(FileExistsError, match="left alone"):
        await Sandbox(credentials_file=file).start()
    assert "production" in file.read_text()


async def test_a_sandbox_can_be_stopped_twice_and_started_again(tmp_path: Path) -> None:
    sandbox = Sandbox(credentials_file=tmp_path / "credentials.json")
    await sandbox.start()
    await sandbox.stop()
    await sandbox.stop()
    async with sandbox:
        assert sandbox.environment()["KABAR_EMAIL__PORT"] == str(sandbox.smtp_port)
