"""Every channel there is. A new one is a folder and a line here; see docs/adding-a-channel.md."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from channels import email, popup, push, whatsapp
from channels.base import Channel

CHANNELS: Mapping[str, Channel] = MappingProxyType(
    {
        "push": push.CHANNEL,
        "whatsapp": whatsapp.CHANNEL,
        "email": email.CHANNEL,
        "popup": popup.CHANNEL,
    }
)
