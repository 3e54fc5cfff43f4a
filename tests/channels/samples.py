"""Envelopes and settings to test with."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from channels.base import Adapter, Address, Content, Envelope
from channels.email.content import EmailContent
from channels.email.settings import EmailSettings, Security
from channels.popup.content import PopupButton, PopupContent
from channels.push.content import PushContent
from channels.push.settings import PushSettings
from channels.whatsapp.content import WhatsAppContent
from channels.whatsapp.parts import WhatsAppButton
from channels.whatsapp.settings import WhatsAppSettings

KEY = "0193f2c4-7b1e-7c55-a3d5-51f4e1a0c9aa"
IMAGE = "https://cdn.example.com/poster.png"
LINK = "https://kabar.example.com/u/abc123?sig=x-y_z"

PUSH = PushContent(title="Bu Sari, pasar dibuka", body="Kelas dimulai 09:00 — sampai jumpa", image=IMAGE, link="app://live")
WHATSAPP = WhatsAppContent(
    name="live_trading",
    header_image=IMAGE,
    parameters=("Bu Sari", "09:00"),
    buttons=(WhatsAppButton(kind="url", value="live/1"), WhatsAppButton(kind="quick_reply", value="BERHENTI")),
    text="Halo Bu Sari, kelas dimulai 09:00",
)
EMAIL = EmailContent(subject="Bu Sari, pasar dibuka — 09:00", body="# Halo\n\nKelas **dimulai**.", image=IMAGE, image_alt="Poster")
POPUP = PopupContent(title="Pasar dibuka", body="Kelas", buttons=(PopupButton(id="go", label="Ikut", link="app://live"),))

TOKEN = Address(1, "token", "device-token-1", "android")
PHONE = Address(2, "phone", "+6281234567890")
MAILBOX = Address(3, "email", "sari@example.com")


def envelope(
    content: Content,
    address: Address | None,
    *,
    key: str = KEY,
    ttl: timedelta = timedelta(hours=3),
    unsubscribe: str | None = LINK,
    priority: int = 50,
    locale: str = "id",
) -> Envelope:
    return Envelope(
        message_id=7,
        key=key,
        person_id=9,
        campaign="live-trading",
        category="reminder",
        priority=priority,
        locale=locale,
        content=content.prepared(),
        ttl=ttl,
        address=address,
        unsubscribe=unsubscribe,
    )


def push_settings(endpoint: str, token_uri: str, credentials_file: Path, deadline: float = 5.0) -> PushSettings:
    return PushSettings.model_validate(
        {
            "endpoint": endpoint,
            "token_uri": token_uri,
            "project": "kabar-sandbox",
            "credentials_file": credentials_file,
            "deadline": deadline,
        }
    )


def whatsapp_settings(endpoint: str, token: str = "secret", number: str = "1", deadline: float = 5.0) -> WhatsAppSettings:
    return WhatsAppSettings.model_validate({"endpoint": endpoint, "token": token, "phone_number_id": number, "deadline": deadline})


def email_settings(port: int, deadline: float = 5.0, **more: object) -> EmailSettings:
    return EmailSettings.model_validate(
        {
            "host": "127.0.0.1",
            "port": port,
            "security": Security.NONE,
            "sender": "Kabar <kabar@example.com>",
            "bounce_domain": "bounce.example.com",
            "deadline": deadline,
            **more,
        }
    )


@asynccontextmanager
async def running(adapter: Adapter) -> AsyncIterator[Adapter]:
    await adapter.start()
    try:
        yield adapter
    finally:
        await adapter.close()
