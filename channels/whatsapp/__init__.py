"""WhatsApp template messages."""

from __future__ import annotations

from channels.base import Adapter, Channel, Ports, expect
from channels.whatsapp.cloud import CloudAdapter
from channels.whatsapp.content import WhatsAppContent
from channels.whatsapp.settings import WhatsAppSettings, missing
from config.settings import ChannelSettings


def _adapter(settings: ChannelSettings, _: Ports) -> Adapter:
    return CloudAdapter(expect(WhatsAppSettings, settings))


CHANNEL = Channel(
    name="whatsapp",
    content=WhatsAppContent,
    settings=WhatsAppSettings,
    adapter=_adapter,
    addresses="phone",
    missing=missing,
)
