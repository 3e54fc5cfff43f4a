"""Webhooks of the Cloud API: https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/components."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping

from pydantic_core import from_json

from channels import loose
from channels.incoming import Receipt
from channels.whatsapp.inbound import READERS
from channels.whatsapp.notices import notices


def verify(app_secret: str, raw: bytes, header: str | None) -> bool:
    """Is `X-Hub-Signature-256: sha256=<hex>` Meta's over exactly these bytes? Takes the same time whatever the answer."""
    expected = "sha256=" + hmac.new(app_secret.encode(), raw, "sha256").hexdigest()
    return hmac.compare_digest(expected.encode(), (header or "").encode("utf-8", "surrogateescape"))


def challenge(query: Mapping[str, str], verify_token: str) -> str | None:
    """The answer to Meta's GET when a webhook is set up; None refuses it."""
    given = query.get("hub.verify_token", "").encode("utf-8", "surrogateescape")
    if query.get("hub.mode") != "subscribe" or not hmac.compare_digest(given, verify_token.encode()):
        return None
    return query.get("hub.challenge")


def parse(raw: bytes) -> list[Receipt]:
    """Every fact in one POST, in its order. What is not known is passed over. Raises ValueError if it is not a JSON object."""
    try:
        data = from_json(raw)
    except ValueError as error:
        raise ValueError("the webhook is not JSON") from error
    if not isinstance(data, dict):
        raise ValueError("the webhook is not a JSON object")
    return list(_facts(data))


def _facts(data: Mapping[str, object]) -> Iterator[Receipt]:
    for entry in loose.mappings(data.get("entry")):
        for change in loose.mappings(entry.get("changes")):
            value = loose.mapping(change.get("value"))
            contacts = loose.mappings(value.get("contacts"))
            for name, read in READERS.items():
                for item in loose.mappings(value.get(name)):
                    yield from read(item, contacts)
            yield from notices(loose.text(change.get("field")), value, entry)
