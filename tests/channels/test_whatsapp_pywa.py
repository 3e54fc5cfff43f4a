"""pywa, which nobody here wrote, as the judge: it would send what we send, and reads from the sandbox what we read."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pywa import handlers
from pywa.client import WhatsApp
from pywa.types.system import PhoneNumberChange
from pywa.types.templates import (
    BaseButtonComponent,
    BaseParams,
    BodyText,
    Buttons,
    FooterText,
    HeaderImage,
    QuickReplyButton,
    Template,
    TemplateCategory,
    TemplateDetails,
    TemplateLanguage,
    URLButton,
)

from channels.incoming import Receipt, ReceiptKind
from channels.sandbox.cloud_rules import Behaviour
from channels.sandbox.people import user_id
from channels.sandbox.templates import Template as Registered
from channels.sandbox.webhooks import Receipts
from channels.signals import HoldPerson
from channels.whatsapp.cloud import message_of
from channels.whatsapp.content import WhatsAppContent
from channels.whatsapp.parts import WhatsAppParameter
from channels.whatsapp.receipts import parse
from channels.whatsapp.shapes import Shapes
from tests.channels import samples
from tests.channels.sandbox_fixture import Client, Hook, listening, opened, template

HANDSET = "+6281234567890"
body_of: Callable[..., BaseParams] = BodyText.params  # declared there without self, which types cannot follow


@contextmanager
def client(sent: list[dict[str, Any]]) -> Iterator[WhatsApp]:
    """pywa's client, whose requests are kept and answered as Meta does."""

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content))
        return httpx.Response(200, json={"contacts": [{"input": HANDSET, "user_id": "ID.1"}], "messages": [{"id": "wamid.1"}]})

    with httpx.Client(transport=httpx.MockTransport(answer), base_url="https://graph.facebook.com") as session:
        yield WhatsApp(phone_id="1", token="x", session=session, validate_updates=False, filter_updates=False, skip_duplicate_updates=False)


def judged(content: WhatsAppContent, *params: BaseParams) -> None:
    sent: list[dict[str, Any]] = []
    with client(sent) as pywa:
        pywa.send_template(HANDSET, content.name, TemplateLanguage(content.language), params, tracker=samples.KEY)
    ours = message_of(samples.envelope(content, samples.PHONE))
    assert comparable(ours) == comparable(sent[0])


def comparable(body: dict[str, Any]) -> dict[str, Any]:
    """Kinds of components are told in any case, and places as digits or numbers."""
    told = json.loads(json.dumps(body))
    told["to"] = told["to"].removeprefix("+")
    for component in told["template"]["components"]:
        component["type"] = component["type"].lower()
        component["sub_type"] = component.get("sub_type", "").lower()
        component["index"] = str(component.get("index", ""))
    return dict(told)


def test_what_we_send_is_what_pywa_would() -> None:
    header, body = HeaderImage.params(image=samples.IMAGE), body_of("Bu Sari", "09:00")
    link = URLButton.params(url_variable="live/1", index=0)
    reply = QuickReplyButton.params(callback_data="BERHENTI", index=1)
    judged(samples.WHATSAPP, header, body, link, reply)


def test_named_places_are_filled_as_pywa_would() -> None:
    named = (WhatsAppParameter(name="nama", text="Bu Sari"), WhatsAppParameter(name="jam", text="09:00"))
    judged(WhatsAppContent(name="kelas", parameters=named, text="x"), body_of(nama="Bu Sari", jam="09:00"))


def test_metas_list_is_read_as_pywa_reads_it() -> None:
    buttons: list[BaseButtonComponent | dict[Any, Any]] = [
        URLButton(text="Lihat", url="https://www.example.co.id/kelas/{{1}}", example="a"),
        QuickReplyButton(text="Berhenti"),
    ]
    registered = Template(
        name="hello",
        language=TemplateLanguage.INDONESIAN,
        category=TemplateCategory.MARKETING,
        components=[
            {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::aW"]}},
            BodyText("Halo {{1}}, kelas {{2}} dimulai ya", "Budi", "09:00"),
            FooterText(text="Balas BERHENTI"),
            Buttons(buttons=buttons),
        ],
    )
    listed = {"data": [{"parameter_format": "POSITIONAL", **json.loads(registered.to_json()), "status": "APPROVED", "id": "1"}]}
    with client([]) as pywa:
        theirs = TemplateDetails.from_dict(listed["data"][0], pywa)
    assert isinstance(theirs.components[0], HeaderImage)
    [shape] = Shapes.model_validate(listed).templates
    assert (shape.name, shape.language, shape.header) == (theirs.name, theirs.language, "image")
    assert (shape.category.upper(), shape.status.upper()) == (theirs.category, theirs.status)
    assert (shape.body, shape.footer) == ("Halo {{1}}, kelas {{2}} dimulai ya", "Balas BERHENTI")
    assert [(button.kind, button.label) for button in shape.buttons] == [("url", "Lihat"), ("quick_reply", "Berhenti")]


# --- what the sandbox posts -----------------------------------------------------------------------------------------


@pytest.fixture
async def posted(tmp_path: Path) -> AsyncIterator[tuple[Client, Hook]]:
    receipts = Receipts(1.0, 1.0)
    async with listening() as hook, opened(tmp_path, webhook_url=hook.url, receipts=receipts) as sandbox:
        yield sandbox, hook


async def both(posted: tuple[Client, Hook]) -> list[tuple[Receipt, Any]]:
    """What we and what pywa read in what was posted, one item a change, as pywa wants it."""
    sandbox, hook = posted
    await sandbox.sandbox.webhooks.settled()
    found: list[tuple[Receipt, Any]] = []
    seen: list[Any] = []
    with client([]) as pywa:
        pywa.add_handlers(*(kind(lambda _, update: seen.append(update)) for kind in HANDLERS))
        for raw in hook.raws:
            for body in one_by_one(json.loads(raw)):
                receipts, before = parse(json.dumps(body).encode()), len(seen)
                assert pywa.webhook_update_handler(json.dumps(body).encode()) == ("ok", 200)
                assert len(receipts) == len(seen) - before == 1
                found.append((receipts[0], seen[-1]))
    hook.raws.clear()
    return found


def one_by_one(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    [entry] = body["entry"]
    [change] = entry["changes"]
    lists = [name for name in ("statuses", "messages", "user_preferences") if name in change["value"]]
    if not lists:
        yield body
    for name in lists:
        for item in change["value"][name]:
            yield {**body, "entry": [{**entry, "changes": [{**change, "value": {**change["value"], name: [item]}}]}]}


HANDLERS = (
    handlers.MessageHandler,
    handlers.CallbackButtonHandler,
    handlers.MessageStatusHandler,
    handlers.UserMarketingPreferencesHandler,
    handlers.PhoneNumberChangeHandler,
    handlers.TemplateStatusUpdateHandler,
)
STATUSES = {"sent": ReceiptKind.SENT, "delivered": ReceiptKind.DELIVERED, "read": ReceiptKind.READ}


async def test_statuses_are_read_alike(posted: tuple[Client, Hook]) -> None:
    await posted[0].whatsapp(template(HANDSET, key="kabar-7"))
    found = await both(posted)
    assert [STATUSES[theirs.status] for _, theirs in found] == [ours.kind for ours, _ in found] == list(STATUSES.values())
    for ours, theirs in found:
        assert (ours.key, ours.provider_id, ours.at) == (theirs.tracker, theirs.id, theirs.timestamp)
        assert [alias.value for alias in ours.also] == [theirs.from_user.bsuid]


async def test_a_later_failure_is_read_alike(posted: tuple[Client, Hook]) -> None:
    posted[0].sandbox.conduct.behaviour = Behaviour(offers_a_day=1)
    for key in ("m1", "m2"):
        await posted[0].whatsapp(template(HANDSET, key=key))
    *_, (ours, theirs) = await both(posted)
    assert (
        (ours.kind, ours.key, ours.code)
        == (ReceiptKind.FAILED, theirs.tracker, str(theirs.error.code))
        == (
            ReceiptKind.FAILED,
            "m2",
            "131049",
        )
    )
    assert isinstance(ours.signal, HoldPerson)


@pytest.mark.parametrize("hidden", [(), (HANDSET,)], ids=["number", "hidden number"])
async def test_what_customers_say_is_read_alike(posted: tuple[Client, Hook], hidden: tuple[str, ...]) -> None:
    sandbox = posted[0].sandbox
    sandbox.conduct.behaviour = Behaviour(hidden=hidden)
    sandbox.customer_says(HANDSET, "Berhenti!")
    sandbox.customer_says(HANDSET, "Bisa besok?")
    sandbox.customer_presses(HANDSET, "YA", label="Ya", message="wamid.1")
    sandbox.customer_prefers(HANDSET, "stop")
    sandbox.customer_prefers(HANDSET, "resume")
    found = await both(posted)
    ours, theirs = zip(*found, strict=True)
    assert [receipt.kind for receipt in ours] == [
        ReceiptKind.OPTED_OUT,
        ReceiptKind.REPLIED,
        ReceiptKind.REPLIED,
        ReceiptKind.OPTED_OUT,
        ReceiptKind.OPTED_IN,
    ]
    assert {receipt.address for receipt in ours} == {user_id(HANDSET) if hidden else HANDSET}
    assert {receipt.at for receipt in ours} == {update.timestamp for update in theirs}
    for update in theirs:
        assert (update.from_user.wa_id, update.from_user.bsuid) == (None if hidden else HANDSET[1:], user_id(HANDSET))
    assert [receipt.text for receipt in ours[:3]] == [theirs[0].text, theirs[1].text, theirs[2].data]
    assert ours[2].provider_id == theirs[2].reply_to_message.id
    assert [str(update.value) for update in theirs[3:]] == ["stop", "resume"]


async def test_a_changed_number_is_read_alike(posted: tuple[Client, Hook]) -> None:
    posted[0].sandbox.customer_moves(HANDSET, "+628999000111")
    [(ours, theirs)] = await both(posted)
    assert isinstance(theirs, PhoneNumberChange)
    assert (ours.kind, ours.address) == (ReceiptKind.MOVED, f"+{theirs.old_wa_id}")
    assert [alias.value for alias in ours.also] == [f"+{theirs.new_wa_id}", theirs.new_user_id]


async def test_a_stopped_template_is_read_alike_and_refused_from_then_on(posted: tuple[Client, Hook]) -> None:
    sandbox = posted[0].sandbox
    sandbox.templates.put(Registered(name="ultah", body="Halo {{1}}"))
    assert (await posted[0].whatsapp(template(HANDSET))).status == 200
    await both(posted)
    sandbox.template_is("ultah", "PAUSED")
    [(ours, theirs)] = await both(posted)
    assert (ours.subject, ours.code) == (f"{theirs.template_name}/{theirs.template_language}", theirs.new_status)
    assert (ours.kind, ours.stopped, ours.at) == (ReceiptKind.CONTENT, True, theirs.timestamp)
    assert (await posted[0].whatsapp(template(HANDSET))).body["error"]["code"] == 132015
    sandbox.template_is("ultah", "APPROVED")
    [(ours, theirs)] = await both(posted)
    assert (ours.code, ours.stopped) == (theirs.new_status, False)
    assert (await posted[0].whatsapp(template(HANDSET))).status == 200


async def test_the_sandbox_keeps_to_metas_pace_people_and_assessments(tmp_path: Path) -> None:
    async with opened(tmp_path) as sandbox:
        strict = {"pair_seconds": 6, "people_a_day": 2, "held": 1.0}
        assert (await sandbox.call("PUT", "/_sandbox/whatsapp", strict)).status == 200
        assert (await sandbox.call("PUT", "/_sandbox/whatsapp", {"pair_second": 6})).status == 400
        first, again, second, third = [await sandbox.whatsapp(template(f"+62811111{number}")) for number in (1, 1, 2, 3)]
        assert first.body["messages"][0]["message_status"] == "held_for_quality_assessment"
        assert second.status == 200
        assert [answer.body["error"]["code"] for answer in (again, third)] == [131056, 131048]
