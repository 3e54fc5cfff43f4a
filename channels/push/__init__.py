"""Push notifications, to each of a person's devices."""

from __future__ import annotations

from channels.base import Adapter, Channel, Ports, expect
from channels.push.content import PushContent
from channels.push.errors import means
from channels.push.fcm import FcmAdapter
from channels.push.payload import excess
from channels.push.reports import parse
from channels.push.settings import PushSettings, missing
from config.settings import ChannelSettings


def _adapter(settings: ChannelSettings, _: Ports) -> Adapter:
    return FcmAdapter(expect(PushSettings, settings))


CHANNEL = Channel(
    name="push",
    content=PushContent,
    settings=PushSettings,
    adapter=_adapter,
    addresses="push",
    every_address=True,
    repeat_is_safe=True,
    reports=parse,
    means=means,
    excess=excess,
    missing=missing,
)
