"""WhatsApp template messages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from channels.base import Adapter, Channel, Ports, expect
from channels.incoming import Webhook
from channels.whatsapp import receipts
from channels.whatsapp.cloud import CloudAdapter
from channels.whatsapp.content import WhatsAppContent
from channels.whatsapp.errors import means
from channels.whatsapp.settings import WhatsAppSettings, missing
from config.settings import ChannelSettings


def _adapter(settings: ChannelSettings, _: Ports) -> Adapter:
    return CloudAdapter(expect(WhatsAppSettings, settings))


def _verify(settings: ChannelSettings, raw: bytes, headers: Mapping[str, str]) -> bool:
    secret = expect(WhatsAppSettings, settings).app_secret
    return secret is not None and receipts.verify(secret.get_secret_value(), raw, headers.get("x-hub-signature-256"))


def _challenge(settings: ChannelSettings, query: Mapping[str, str]) -> str | None:
    token = expect(WhatsAppSettings, settings).verify_token
    return receipts.challenge(query, token.get_secret_value()) if token else None


CHANNEL = Channel(
    name="whatsapp",
    content=WhatsAppContent,
    settings=WhatsAppSettings,
    adapter=_adapter,
    addresses="phone",
    kinds=("phone", "bsuid"),
    spacing=timedelta(seconds=6),
    quota=lambda settings: expect(WhatsAppSettings, settings).daily_people,
    missing=missing,
    means=means,
    webhook=Webhook(_verify, receipts.parse, _challenge),
)
