"""Preview: who would get a campaign, with which words, and what would stop it. Reads only, from a configuration not yet published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Content
from config.models import Campaign
from config.templating import RenderError
from jobs.catalog import Published
from jobs.outlook import Forecast, candidate, forecasts
from jobs.plan import expansion
from jobs.render import person_values, render
from rules.facts import Candidate, Code, Defer, Release
from store import addressed
from store.addressed import Addressed, Share
from store.audience import NO_VARIANT, Expansion
from store.control import CONTROL_GROUP

_ABOUT_OTHERS = (Code.GAP, Code.SAME_TOPIC, Code.PENDING_HIGHER_PRIORITY)  # their detail is the id of another message


@dataclass(frozen=True, slots=True)
class Draft:
    """A campaign at the occurrence it is looked at. event: what its templates would know of the event."""

    published: Published
    campaign: Campaign
    occurrence: str
    at: datetime
    event: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """What one person would read. fields: of the content, rendered; fault: why it could not be."""

    customer_no: str
    channel: str
    variant: int
    fields: Mapping[str, Any]
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Fate:
    """What happens to one message. forecast: None in the control group; sample: rendered for its person."""

    forecast: Forecast | None
    sample: Sample


@dataclass(slots=True)
class Prospects:
    """Messages by what would happen to them. goes: (channel, when); waits and stopped: (channel, reason)."""

    goes: Counter[tuple[str, datetime]] = field(default_factory=Counter)
    waits: Counter[tuple[str, str]] = field(default_factory=Counter)
    stopped: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, found: Forecast, channel: str) -> None:
        verdict = found.verdict
        if isinstance(verdict, Release):
            self.goes[verdict.channel, found.at] += 1
        else:
            code, detail = verdict.reason.code, verdict.reason.detail
            reason = str(code) if code in _ABOUT_OTHERS else f"{code}:{detail}" if detail else str(code)
            (self.waits if isinstance(verdict, Defer) else self.stopped)[channel, reason] += 1


@dataclass(frozen=True, slots=True)
class Preview:
    """control: people of the control group; segments: people by segment, one person may be in several."""

    people: int
    control: int
    segments: Mapping[str, int]
    shares: Sequence[Share]
    samples: Sequence[Sample]
    prospects: Prospects


async def survey(connection: AsyncConnection, draft: Draft) -> Preview:
    """The whole audience, judged at the draft's moment against what was sent until now."""
    plan = _plan(draft)
    prospects = Prospects()
    async for page in addressed.pages(connection, plan):
        for unheard in (each for each in page if each.control or each.variant == NO_VARIANT):
            prospects.stopped[unheard.channel, CONTROL_GROUP if unheard.control else "no_variant"] += 1
        spoken = [each for each in page if not each.control and each.variant != NO_VARIANT]
        for found in await forecasts(connection, draft.published, _candidates(draft, plan, spoken), draft.at):
            prospects.add(found, found.candidate.channels[0])
    return Preview(
        people=await addressed.size(connection, plan),
        control=await addressed.control_size(connection, plan) if plan.control else 0,
        segments=await addressed.by_segment(connection, plan),
        shares=await addressed.shares(connection, plan),
        samples=await _samples(connection, draft, await addressed.samples(connection, plan)),
        prospects=prospects,
    )


async def fates(connection: AsyncConnection, draft: Draft, customer_no: str) -> list[Fate]:
    """Each message one customer would get, or not get; empty when the customer is not in the audience."""
    plan = _plan(draft)
    found: list[Fate] = []
    async for page in addressed.pages(connection, plan, customer_no):
        told: list[Forecast | None] = list(await forecasts(connection, draft.published, _candidates(draft, plan, page), draft.at))
        told = [None if each.control else forecast for each, forecast in zip(page, told, strict=True)]
        found += [Fate(*each) for each in zip(told, await _samples(connection, draft, page), strict=True)]
    return found


def _plan(draft: Draft) -> Expansion:
    return expansion(draft.published, draft.campaign, 0, draft.at, draft.at + draft.campaign.expires, now=draft.at)


def _candidates(draft: Draft, plan: Expansion, page: Sequence[Addressed]) -> list[Candidate]:
    return [
        candidate(
            draft.published,
            id=0,
            person_id=each.person_id,
            run_id=0,
            campaign=draft.campaign.campaign,
            channels=(each.channel, *each.fallback),
            category=plan.category,
            topic=plan.topic,
            window_key=each.window_key,
            expires_at=plan.expires_at,
            queue_until=each.queue_until,
        )
        for each in page
    ]


async def _samples(connection: AsyncConnection, draft: Draft, chosen: Sequence[Addressed]) -> list[Sample]:
    faces = await addressed.faces(connection, [each.person_id for each in chosen])
    return [_sample(draft, each, faces[each.person_id]) for each in chosen]


def _sample(draft: Draft, each: Addressed, face: Any) -> Sample:
    variants = draft.published.config.templates[draft.campaign.template].variants
    content = variants[each.variant].channels.get(each.channel) if each.variant != NO_VARIANT else None
    if not isinstance(content, Content):
        return Sample(face.customer_no, each.channel, each.variant, {}, "no variant of the template speaks to this person")
    values = person_values(
        name=face.name,
        customer_no=face.customer_no,
        locale=face.locale,
        attributes=face.attributes,
        campaign=draft.campaign.campaign,
        event=draft.event,
    )
    try:
        rendered = render(content, values).model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    except RenderError as error:
        return Sample(face.customer_no, each.channel, each.variant, {}, str(error))
    return Sample(face.customer_no, each.channel, each.variant, {name: text for name, text in rendered.items() if name != "html"})
