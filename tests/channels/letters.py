"""Every mail of the shipped example as its readers get it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from email.utils import formatdate
from pathlib import Path

from channels.base import Address, Envelope
from channels.email.content import EmailContent
from channels.email.dkim import Signer
from channels.email.mime import Letterhead
from channels.registry import CHANNELS
from config.loader import load
from jobs.render import person_values, render

CONFIG = Path(__file__).parents[2] / "config"
EVENT = {"reason": "foto KTP kurang jelas"}
RELAY = "smtp.example.co.id (smtp.example.co.id [203.0.113.5])"


@dataclass(frozen=True, slots=True)
class Sample:
    """name: `win-back-hnwi`, also in its Message-ID. mail: with the trace of the receiving server in front."""

    name: str
    mail: bytes


def letters(signer: Signer | None, now: float) -> Iterator[Sample]:
    """One of each campaign and variant that speaks by mail."""
    config = load(CONFIG, {name: channel.content for name, channel in CHANNELS.items()})
    head = Letterhead("Example Sekuritas <kabar@example.co.id>", "bounce.example.co.id", signer)
    trace = f"Received: from {RELAY}\r\n\tby mx.receiver.example with ESMTPS id 4F2A for <sari@receiver.example>; {formatdate(now)}\r\n"
    for campaign in config.campaigns.values():
        offer = config.rules.categories[campaign.category].offer
        for number, variant in enumerate(config.templates[campaign.template].variants):
            content = variant.channels.get("email")
            if not isinstance(content, EmailContent):
                continue
            name = "-".join(filter(None, (campaign.campaign, variant.segment, variant.locale)))
            values = person_values(
                name="Sari Wulandari",
                customer_no="C000123",
                locale=variant.locale or "id",
                attributes={"rm_name": "Dewi Lestari"},
                campaign=campaign.campaign,
                event=EVENT,
            )
            envelope = Envelope(
                message_id=number,
                key=name,
                person_id=1,
                campaign=campaign.campaign,
                category=campaign.category,
                priority=10,
                locale=variant.locale or "id",
                content=render(content, values),
                ttl=timedelta(days=1),
                address=Address(1, "email", "sari@receiver.example"),
                unsubscribe="https://kabar.example.co.id/u/v1.c2FyaQ.Zm9vYmFyYmF6" if offer else None,
            )
            yield Sample(name, trace.encode() + head.write(envelope, now).data)
