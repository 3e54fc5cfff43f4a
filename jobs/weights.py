"""Whether a campaign's words still fit their providers when the longest values of its audience are filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Content, Envelope
from config.models import Campaign
from config.templating import RenderError
from jobs.catalog import Published
from jobs.links import message_key
from jobs.plan import expansion
from jobs.render import person_values, render
from store.longest import Longest, longest

_LAST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Excess:
    """A variant, by its place in the template, that says too much on a channel for somebody. words: how much, and the way out."""

    variant: int
    channel: str
    words: str


async def excesses(
    connection: AsyncConnection, published: Published, campaign: Campaign, event: Mapping[str, Any], now: datetime
) -> list[Excess]:
    """Judged by the audience as it is now. event: what its templates would know of the event."""
    worst = await longest(connection, expansion(published, campaign, 0, now, now + campaign.expires, now=now))
    if worst is None:
        return []
    values = person_values(
        name=worst.name,
        customer_no=worst.customer_no,
        locale=worst.locale,
        attributes=worst.attributes,
        campaign=campaign.campaign,
        event=event,
    )
    values["first_name"] = worst.first_name
    return _found(published, campaign, worst, values)


def _found(published: Published, campaign: Campaign, worst: Longest, values: Mapping[str, object]) -> list[Excess]:
    found = []
    for variant, each in enumerate(published.config.templates[campaign.template].variants):
        for name, content in each.channels.items():
            if name not in campaign.channels.names or not isinstance(content, Content):
                continue
            try:
                words = published.channels[name].excess(_envelope(published, campaign, worst, render(content, values)))
            except RenderError:
                continue  # the preview tells whom it cannot be filled in for
            if words is not None:
                found.append(Excess(variant, name, words))
    return found


def _envelope(published: Published, campaign: Campaign, worst: Longest, content: Content) -> Envelope:
    return Envelope(
        message_id=_LAST_ID,
        key=message_key(_LAST_ID),
        person_id=_LAST_ID,
        campaign=campaign.campaign,
        category=campaign.category,
        priority=published.config.rules.categories[campaign.category].priority,
        locale=worst.locale,
        content=content,
        ttl=campaign.expires,
    )
