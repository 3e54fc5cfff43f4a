"""The sandbox answers as the providers do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiosmtplib import SMTP, SMTPException, SMTPRecipientsRefused, SMTPServerDisconnected

from channels.sandbox.faults import Rule
from channels.sandbox.templates import Template
from channels.sandbox.webhooks import Receipts
from tests.channels.sandbox_fixture import Client, banner, letter, listening, opened, template


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with opened(tmp_path, log_file=tmp_path / "deliveries.jsonl") as client:
        yield client


# --- push -----------------------------------------------------------------------------------------------------------


async def test_google_auth_gets_a_token_with_the_written_credentials(client: Client) -> None:
    answer = await client.push(banner("device-1"))
    assert answer.status == 200
    assert answer.body["name"].startswith("projects/kabar-sandbox/messages/")
    assert [(item.channel, item.to, item.key, item.campaign) for item in client.sandbox.deliveries] == [("push", "device-1", "m1", "ultah")]


async def test_an_assertion_signed_by_another_key_gets_no_token(client: Client) -> None:
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "eyJhbGciOiJSUzI1NiJ9.e30.AAAA"}
    async with client.session.post(client.sandbox.base_url + "/token", data=form) as response:
        assert (response.status, (await response.json())["error"]) == (400, "invalid_grant")


async def test_a_revoked_token_is_unauthenticated(client: Client) -> None:
    client.sandbox.tokens.revoke()
    answer = await client.push(banner("device-1"))
    assert (answer.status, answer.body["error"]["status"], answer.fcm_error) == (401, "UNAUTHENTICATED", None)


@pytest.mark.parametrize(
    "change, field",
    [
        ({"colour": "red"}, "message"),
        ({"data": {"amount": 5}}, "message.data"),
        ({"data": {"google.x": "1"}}, "message.data.google.x"),
        ({"topic": "news"}, "message"),
        ({"android": {"ttl": "1 hour"}}, "message.android.ttl"),
        ({"data": {"text": "x" * 4100}}, "message"),
    ],
    ids=["unknown field", "number in data", "reserved key", "two targets", "bad ttl", "too big"],
)
async def test_a_malformed_push_names_the_field(client: Client, change: dict[str, object], field: str) -> None:
    answer = await client.push({**banner("device-1"), **change})
    assert (answer.status, answer.violations) == (400, [field])
    assert client.sandbox.deliveries == []


async def test_a_dry_run_is_not_delivered(client: Client) -> None:
    assert (await client.push(banner("device-1"), validateOnly=True)).status == 200
    assert client.sandbox.deliveries == []


async def test_a_repeated_tag_is_one_notification_on_the_device(client: Client) -> None:
    for token, tag in [("a", "m1"), ("a", "m1"), ("b", "m1"), ("a", "m2")]:
        await client.push(banner(token, tag))
    assert [item.copies for item in client.sandbox.deliveries] == [1, 2, 1, 1]
    assert client.sandbox.journal.counts["push"].shown == 3


@pytest.mark.parametrize(
    "block",
    [
        {"android": {"notification": {"tag": "m1"}}},
        {"apns": {"headers": {"apns-collapse-id": "m1"}}},
        {"webpush": {"notification": {"tag": "m1"}}},
    ],
)
async def test_every_platform_has_a_tag_of_its_own(client: Client, block: dict[str, object]) -> None:
    message = banner("a")
    del message["android"]
    await client.push(message | block)
    assert client.sandbox.deliveries[0].key == "m1"


@pytest.mark.parametrize("code, status", [("UNREGISTERED", 404), ("SENDER_ID_MISMATCH", 403), ("INTERNAL", 500)])
async def test_a_push_fault_is_told_in_googles_envelope(client: Client, code: str, status: int) -> None:
    client.sandbox.faults.add(Rule(channel="push", kind=code))
    answer = await client.push(banner("device-1"))
    assert (answer.status, answer.fcm_error) == (status, code)


async def test_quota_says_when_to_come_back(client: Client) -> None:
    client.sandbox.faults.add(Rule(channel="push", kind="QUOTA_EXCEEDED", retry_after=7))
    assert (await client.push(banner("device-1"))).headers["Retry-After"] == "7"


# --- whatsapp -------------------------------------------------------------------------------------------------------


async def test_a_template_is_accepted_with_a_wamid(client: Client) -> None:
    answer = await client.whatsapp(template("+6281111"))
    assert answer.status == 200
    [contact] = answer.body["contacts"]
    assert (contact["input"], contact["wa_id"], contact["user_id"][:3]) == ("+6281111", "6281111", "ID.")
    assert answer.body["messages"][0]["id"] == client.sandbox.deliveries[0].provider_id


async def test_a_business_scoped_user_id_stands_for_a_hidden_number(client: Client) -> None:
    body = template("+6281111")
    del body["to"]
    await client.whatsapp({**body, "recipient": "ID.13491208655302741918"})
    assert client.sandbox.deliveries[0].to == "ID.13491208655302741918"


async def test_a_wrong_whatsapp_token_is_code_190(client: Client) -> None:
    answer = await client.whatsapp(template("+6281111"), bearer="nobody")
    assert (answer.status, answer.body["error"]["code"]) == (401, 190)


@pytest.mark.parametrize(
    "text, code",
    [("baris\nbaru", 132018), ("", 131008), ("x" * 1025, 132005)],
    ids=["line break", "empty", "too long"],
)
async def test_template_parameters_are_judged_as_meta_does(client: Client, text: str, code: int) -> None:
    answer = await client.whatsapp(template("+6281111", text))
    assert answer.body["error"]["code"] == code
    assert answer.body["error"]["error_data"]["details"]


async def test_a_registered_template_knows_its_parameters_and_languages(client: Client) -> None:
    client.sandbox.templates.put(Template(name="ultah", body="Halo {{1}}, hadiah {{2}}"))
    client.sandbox.templates.put(Template(name="english", language="en", body="Hi {{1}}"))
    codes = [(await client.whatsapp(template("+6281111", name=name))).body["error"]["code"] for name in ("ultah", "english")]
    assert codes == [132000, 132001]


async def test_statuses_come_signed_in_order_and_carry_our_key(tmp_path: Path) -> None:
    async with listening() as hook, opened(tmp_path, webhook_url=hook.url, receipts=Receipts(1.0, 1.0)) as client:
        answer = await client.whatsapp(template("+6281111", key="m7"))
        await client.sandbox.webhooks.settled()
        assert [(item["status"], item["biz_opaque_callback_data"]) for item in hook.statuses] == [
            ("sent", "m7"),
            ("delivered", "m7"),
            ("read", "m7"),
        ]
        assert {item["id"] for item in hook.statuses} == {answer.body["messages"][0]["id"]}
        assert hook.unsigned == 0


async def test_a_refused_webhook_is_posted_again(tmp_path: Path) -> None:
    async with listening() as hook, opened(tmp_path, webhook_url=hook.url, webhook_pause=0.001) as client:
        hook.refusals = 2
        client.sandbox.customer_says("+6281111", "BERHENTI")
        await client.sandbox.webhooks.settled()
        assert [item["text"]["body"] for value in hook.values for item in value["messages"]] == ["BERHENTI"]


async def test_webhooks_can_come_tripled_and_shuffled(tmp_path: Path) -> None:
    receipts = Receipts(1.0, 1.0, copies=3, shuffled=True)
    async with listening() as hook, opened(tmp_path, webhook_url=hook.url, receipts=receipts) as client:
        for number in range(5):
            await client.whatsapp(template("+6281111", key=f"m{number}"))
        await client.sandbox.webhooks.settled()
        kinds = [item["status"] for item in hook.statuses]
        assert {kind: kinds.count(kind) for kind in kinds} == {"sent": 15, "delivered": 15, "read": 15}


async def test_an_accepted_message_can_fail_later(tmp_path: Path) -> None:
    async with listening() as hook, opened(tmp_path, webhook_url=hook.url) as client:
        client.sandbox.faults.add(Rule(channel="whatsapp", kind="131049", stage="webhook"))
        assert (await client.whatsapp(template("+6281111"))).status == 200
        await client.sandbox.webhooks.settled()
        assert [(item["status"], item["errors"][0]["code"]) for item in hook.statuses] == [("failed", 131049)]
        assert client.sandbox.deliveries == []


async def test_customers_press_buttons_and_opt_out(tmp_path: Path) -> None:
    async with listening() as hook, opened(tmp_path, webhook_url=hook.url) as client:
        client.sandbox.customer_presses("+6281111", "YES", label="Ya", message="wamid.1")
        client.sandbox.customer_prefers("+6281111", "stop")
        await client.sandbox.webhooks.settled()
        pressed, preference = hook.values
        assert pressed["messages"][0]["button"] == {"payload": "YES", "text": "Ya"}
        assert preference["user_preferences"][0]["value"] == "stop"
        assert await client.sandbox.verify_webhook()


# --- e-mail ---------------------------------------------------------------------------------------------------------


async def test_a_mail_is_kept_byte_for_byte(client: Client) -> None:
    reply = await client.mail("budi@example.com", key="m9")
    (delivery,) = client.sandbox.deliveries
    assert delivery.raw == letter("budi@example.com", "m9", "Halo")
    assert (delivery.key, delivery.campaign) == ("m9", "ultah")
    assert delivery.provider_id in reply


async def test_anyone_may_log_in(client: Client) -> None:
    sandbox = client.sandbox
    async with SMTP(hostname=sandbox.smtp_host, port=sandbox.smtp_port, start_tls=False, username="a", password="b") as smtp:
        assert smtp.is_connected


async def test_one_connection_carries_many_mails(client: Client) -> None:
    sandbox = client.sandbox
    sandbox.faults.add(Rule(channel="email", kind="550 5.1.1 User unknown", address="gone@*"))
    async with SMTP(hostname=sandbox.smtp_host, port=sandbox.smtp_port, start_tls=False) as smtp:
        await smtp.sendmail("b@example.com", ["a@example.com"], letter("a@example.com", "1", "Halo"))
        with pytest.raises(SMTPRecipientsRefused) as refused:
            await smtp.sendmail("b@example.com", ["gone@example.com"], letter("gone@example.com", "2", "Halo"))
        await smtp.sendmail("b@example.com", ["c@example.com"], letter("c@example.com", "3", "Halo"))
    assert (refused.value.recipients[0].code, refused.value.recipients[0].message) == (550, "5.1.1 User unknown")
    assert [item.to for item in sandbox.deliveries] == ["a@example.com", "c@example.com"]


async def test_a_refusal_may_come_after_the_final_dot(client: Client) -> None:
    client.sandbox.faults.add(Rule(channel="email", kind="421 4.7.0 Slow down", stage="data"))
    with pytest.raises(SMTPException, match=r"4\.7\.0"):
        await client.mail("budi@example.com")
    assert client.sandbox.deliveries == []


@pytest.mark.parametrize("body", ["", ".", "..", "akhir.\r\n.\r\n..mulai.", ".\r\n"])
async def test_dots_are_content_wherever_they_stand(client: Client, body: str) -> None:
    await client.mail("budi@example.com", body=body)
    assert client.sandbox.deliveries[0].raw == letter("budi@example.com", "m1", body)


async def test_a_line_no_server_would_take_is_refused(client: Client) -> None:
    with pytest.raises(SMTPException, match="too long"):
        await client.mail("budi@example.com", body="x" * 1000)


@pytest.mark.parametrize("kind, delivered", [("drop_before", 0), ("drop_after", 1)])
async def test_a_dropped_mail_connection_leaves_the_truth_in_the_log(client: Client, kind: str, delivered: int) -> None:
    client.sandbox.faults.add(Rule(channel="email", kind=kind))
    with pytest.raises(SMTPServerDisconnected):
        await client.mail("budi@example.com")
    assert [item.answered for item in client.sandbox.deliveries] == [False] * delivered


async def test_a_garbled_reply_is_no_acceptance(client: Client) -> None:
    client.sandbox.faults.add(Rule(channel="email", kind="garbage", stage="data"))
    with pytest.raises(SMTPException):
        await client.mail("budi@example.com")
    assert client.sandbox.deliveries == []
