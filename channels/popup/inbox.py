"""Pop-ups wait in our own inbox until the app asks for them."""

from __future__ import annotations

import asyncio

from channels.base import Envelope, Outcome, PopupItem, Ports, Retry, Sent, expect
from channels.popup.content import PopupContent
from channels.popup.settings import PopupSettings


class InboxAdapter:
    """Puts items where the app's next question finds them. Sent means available, not seen."""

    def __init__(self, settings: PopupSettings, ports: Ports) -> None:
        self._deadline = settings.deadline
        self._put = ports.put_popup

    async def start(self) -> None:
        """Nothing to open: the store has its own pool."""

    async def send(self, envelope: Envelope) -> Outcome:
        content = expect(PopupContent, envelope.content).model_dump(mode="json", exclude_none=True)
        item = PopupItem(envelope.message_id, envelope.person_id, content, envelope.ttl)
        try:
            await asyncio.wait_for(self._put(item), self._deadline)
        except TimeoutError:
            return Retry("timeout")
        except Exception as error:  # the store is unknown here; whatever it raises, putting the same item again is safe
            return Retry("inbox_unavailable", detail=type(error).__name__)
        return Sent(envelope.key)

    async def close(self) -> None:
        """Nothing to close."""
