"""E-mail."""

from __future__ import annotations

from channels.base import Adapter, Channel, Ports, expect
from channels.email.content import EmailContent
from channels.email.replies import means
from channels.email.returned import INBOX
from channels.email.settings import EmailSettings, missing
from channels.email.smtp import SmtpAdapter
from config.settings import ChannelSettings


def _adapter(settings: ChannelSettings, _: Ports) -> Adapter:
    return SmtpAdapter(expect(EmailSettings, settings))


CHANNEL = Channel(
    name="email",
    content=EmailContent,
    settings=EmailSettings,
    adapter=_adapter,
    addresses="email",
    inbox=INBOX,
    means=means,
    missing=missing,
)
