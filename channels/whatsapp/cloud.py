"""WhatsApp through Meta's Cloud API: https://developers.facebook.com/docs/whatsapp/cloud-api/reference/messages."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic_core import to_json
from yarl import URL

from channels import loose
from channels.base import Envelope, Outcome, Rejected, Retry, Sent, Unknown, expect
from channels.http import Answer, Fault, Http
from channels.verdicts import clip
from channels.whatsapp.content import WhatsAppContent
from channels.whatsapp.errors import verdict_of
from channels.whatsapp.limits import BODY_LIMIT
from channels.whatsapp.parts import WhatsAppParameter
from channels.whatsapp.settings import WhatsAppSettings

TARGETS = {"phone": "to", "bsuid": "recipient"}


class CloudAdapter:
    """One phone number. There is no idempotency: once a request has left without an answer, the outcome is Unknown."""

    def __init__(self, settings: WhatsAppSettings) -> None:
        if settings.phone_number_id is None or settings.token is None:
            raise ValueError("whatsapp needs KABAR_WHATSAPP__PHONE_NUMBER_ID and KABAR_WHATSAPP__TOKEN")
        base = str(settings.endpoint).rstrip("/")
        self._url = URL(f"{base}/v{settings.version}/{settings.phone_number_id}/messages")
        self._headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"}
        self._http = Http(settings.concurrency, settings.deadline)

    async def start(self) -> None:
        await self._http.start()

    async def close(self) -> None:
        await self._http.close()

    async def send(self, envelope: Envelope) -> Outcome:
        parameters = [text for _, text in _parameters(expect(WhatsAppContent, envelope.content))]
        # Meta would take a gap in one person's data for a fault of the campaign (131008, 132005).
        if not all(parameters):
            return Rejected("parameter_empty")
        if sum(map(len, parameters)) > BODY_LIMIT:
            return Rejected("parameters_too_long", detail=f"more than {BODY_LIMIT} characters")
        body = to_json(message_of(envelope))
        return outcome_of(await self._http.post(self._url, body, self._headers), envelope)


def message_of(envelope: Envelope) -> dict[str, object]:
    """The body of one template message."""
    content, address = expect(WhatsAppContent, envelope.content), envelope.address
    if address is None or address.kind not in TARGETS:
        raise ValueError("whatsapp needs an address of kind phone or bsuid")
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        TARGETS[address.kind]: address.value,
        "type": "template",
        "biz_opaque_callback_data": envelope.key,
        "template": {
            "name": content.name,
            "language": {"code": content.language},
            "components": list(_components(content)),
        },
    }


def outcome_of(answer: Answer | Fault, envelope: Envelope) -> Outcome:
    if isinstance(answer, Fault):
        return Unknown(answer.code) if answer.left else Retry(answer.code)
    if 200 <= answer.status < 300:
        ids = [loose.text(message.get("id")) for message in loose.mappings(answer.data.get("messages"))]
        return Sent(ids[0]) if ids and ids[0] else Unknown("unreadable_answer")
    error = loose.mapping(answer.data.get("error"))
    code = loose.whole(error.get("code"))
    words = loose.text(loose.mapping(error.get("error_data")).get("details")) or loose.text(error.get("message"))
    detail = clip(words, envelope)
    name = f"http_{answer.status}" if code is None else str(code)
    return verdict_of(code, answer.status).outcome(name, detail, answer.retry_after)


def _parameters(content: WhatsAppContent) -> list[tuple[str | None, str]]:
    """(name or None, text). Meta refuses line breaks, tabs and runs of spaces in a parameter (132018)."""
    pairs = [(each.name, each.text) if isinstance(each, WhatsAppParameter) else (None, each) for each in content.parameters]
    return [(name, " ".join(text.split())) for name, text in pairs]


def _components(content: WhatsAppContent) -> Iterator[dict[str, object]]:
    if content.header_image:
        yield {"type": "header", "parameters": [{"type": "image", "image": {"link": content.header_image}}]}
    if content.parameters:
        yield {"type": "body", "parameters": [_body_parameter(*pair) for pair in _parameters(content)]}
    for index, button in enumerate(content.buttons):
        if button.value is not None:
            kind = "text" if button.kind == "url" else "payload"
            parameters = [{"type": kind, kind: button.value}]
            yield {"type": "button", "sub_type": button.kind, "index": str(index), "parameters": parameters}


def _body_parameter(name: str | None, text: str) -> dict[str, object]:
    return {"type": "text", **({"parameter_name": name} if name else {}), "text": text}
