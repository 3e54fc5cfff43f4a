"""Does a template speak to everybody in a campaign's audience, and will every value it shows be there?"""

from __future__ import annotations

from collections.abc import Iterator

from config.draft import Draft, Part
from config.models import Campaign
from config.problems import Problem, suggest
from config.source import Path
from config.templates import Template, strings
from config.templating import Uses, uses


def check_speech(draft: Draft, campaign: Part[Campaign], template: Part[Template]) -> None:
    """Add to the draft's problems where a campaign and its template do not fit."""
    draft.problems.extend(_silences(campaign, template))
    for path, text in _spoken(campaign.value, template):
        found = uses(text)
        draft.problems.extend(_missing(draft, campaign, template, path, found))


def _silences(campaign: Part[Campaign], template: Part[Template]) -> Iterator[Problem]:
    audience, channels = campaign.value.audience, campaign.value.channels
    together = [frozenset(channels.names)] if channels.choice else [frozenset({name}) for name in channels.names]
    for needed in together:
        for segment in audience.any or (None,):
            fitting = {None, segment, *audience.all}
            variants = [one for one in template.value.variants if one.locale is None and one.segment in fitting]
            if not any(needed <= one.channels.keys() for one in variants):
                whom = f'segment "{segment}"' if segment else "everybody"
                yield campaign.source.problem(
                    ("template",),
                    f'template "{template.value.template}" has no {" and ".join(sorted(needed))} for {whom}; '
                    "add a variant without a locale for them",
                )
    for index, variant in enumerate(template.value.variants if channels.choice else ()):
        lacking = set(channels.choice) - variant.channels.keys()
        if lacking and lacking != set(channels.choice):
            message = f'campaign "{campaign.value.campaign}" takes the first of {", ".join(channels.choice)}: this variant lacks '
            yield template.source.problem(("variants", index), message + ", ".join(sorted(lacking)))


def _spoken(campaign: Campaign, template: Part[Template]) -> Iterator[tuple[Path, str]]:
    for index, variant in enumerate(template.value.variants):
        for channel in campaign.channels.names:
            if channel in variant.channels:
                yield from strings(template.source, ("variants", index, channel))


def _missing(draft: Draft, campaign: Part[Campaign], template: Part[Template], path: Path, found: Uses) -> Iterator[Problem]:
    name = campaign.value.campaign
    for dotted, offset in found.names.items():
        group, _, key = dotted.partition(".")
        if group != "event":
            continue
        everywhere, somewhere = _event_keys(draft, campaign.value)
        if everywhere is None:
            yield template.source.problem(path, f'{dotted}: campaign "{name}" is not about an event', offset=offset)
        elif key not in somewhere:
            message = f'{dotted}: the event of campaign "{name}" has no "{key}"{suggest(key, somewhere)}'
            yield template.source.problem(path, message, offset=offset)
        elif key not in everywhere and dotted in found.bare:
            yield from _lacking(draft, campaign.value, template.source.problem(path, "", offset=offset), key)


def _event_keys(draft: Draft, campaign: Campaign) -> tuple[frozenset[str] | None, frozenset[str]]:
    """What every event of a campaign has (None without an event), and what some have."""
    events, when = draft.events.value if draft.events else None, campaign.when
    if when.event:
        keys = frozenset(events.customer[when.event].data) if events else frozenset()
        return keys, keys
    name = when.before or when.after
    if not name:
        return None, frozenset()
    data = [frozenset({"at", *one.data}) for one in (events.business.get(name, ()) if events else ())]
    return frozenset.intersection(*data) if data else frozenset(), frozenset().union(*data)


def _lacking(draft: Draft, campaign: Campaign, user: Problem, key: str) -> Iterator[Problem]:
    name = campaign.when.before or campaign.when.after
    if not draft.events or not name:
        return
    for index, event in enumerate(draft.events.value.business[name]):
        if key not in {"at", *event.data}:
            message = f'this event has no "{key}", which {user.file}:{user.line} shows; add it, or write | default("…") there'
            yield draft.events.source.problem(("business", name, index), message)
