"""Pop-ups inside the app."""

from __future__ import annotations

from channels.base import Adapter, Channel, Ports, expect
from channels.popup.content import PopupContent
from channels.popup.inbox import InboxAdapter
from channels.popup.settings import PopupSettings
from config.settings import ChannelSettings


def _adapter(settings: ChannelSettings, ports: Ports) -> Adapter:
    return InboxAdapter(expect(PopupSettings, settings), ports)


CHANNEL = Channel(
    name="popup",
    content=PopupContent,
    settings=PopupSettings,
    adapter=_adapter,
    addresses=None,
    repeat_is_safe=True,
    personal=False,
)
