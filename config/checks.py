"""What is wrong between files: names nobody defined, people who can never be reached or have no window."""

from __future__ import annotations

from collections.abc import Sequence

import holidays

from config.conditions import Condition
from config.draft import Draft, Part
from config.faults import locate
from config.models import Campaign, Rules
from config.problems import suggest
from config.reach import find_person
from config.source import Path
from config.speech import check_speech


def check(draft: Draft) -> None:
    """Add to the draft's problems what no single file shows."""
    if draft.rules:
        _rules(draft, draft.rules)
    _accounts(draft)
    for template in draft.templates.values():
        for index, variant in enumerate(template.value.variants):
            if variant.segment:
                draft.known("segment", variant.segment, template.source, ("variants", index, "segment"))
    for campaign in draft.campaigns.values():
        _campaign(draft, campaign)


def _rules(draft: Draft, part: Part[Rules]) -> None:
    rules, source = part.value, part.source
    for segment, window in rules.segment_windows.items():
        draft.known("segment", segment, source, ("segment_windows", segment), key=True)
        draft.known("window", window, source, ("segment_windows", segment))
    for index, cap in enumerate(rules.overlap.caps):
        for kind, name in (("channel", cap.channel), ("category", cap.category)):
            if name is not None:
                draft.known(kind, name, source, ("overlap", "caps", index, kind))
    countries = holidays.list_supported_countries(include_aliases=True)
    if (country := rules.holidays.country) not in countries:
        message = f'no holidays are known for country "{country}"; write a code such as ID'
        draft.problems.append(source.problem(("holidays", "country"), message))


def _accounts(draft: Draft) -> None:
    seen: set[str] = set()
    for index, account in enumerate(draft.accounts.value.accounts if draft.accounts else ()):
        source = draft.accounts.source if draft.accounts else None
        if source is None:
            continue
        draft.known("channel", account.channel, source, ("accounts", index, "channel"))
        if account.name in seen | draft.channels:
            owner = "another account" if account.name in seen else "the channel's default account"
            message = f'account "{account.name}" has the name of {owner}; rename it'
            draft.problems.append(source.problem(("accounts", index, "name"), message))
        seen.add(account.name)


def _campaign(draft: Draft, part: Part[Campaign]) -> None:
    campaign, source = part.value, part.source
    known = [draft.known("category", campaign.category, source, ("category",))]
    if campaign.window is not None:
        draft.known("window", campaign.window, source, ("window",))
    known += [draft.known(kind, name, source, locate(source, (), path)[0]) for kind, name, path in _named(campaign)]
    template = draft.known("template", campaign.template, source, ("template",))
    if all(known):
        _audience(draft, part)
        if template and campaign.template in draft.templates:
            check_speech(draft, part, draft.templates[campaign.template])


def _named(campaign: Campaign) -> list[tuple[str, str, Path]]:
    when = campaign.when
    found: list[tuple[str, str, Path]] = []
    for key, names in (("any", campaign.audience.any), ("all", campaign.audience.all), ("not", campaign.audience.none)):
        found += [("segment", name, ("audience", key, index)) for index, name in enumerate(names)]
    key = "first" if campaign.channels.first else "all"
    for index, name in enumerate(campaign.channels.names):
        found.append(("channel", name, ("channels", key, index)))
    events = (("before", when.before, "business event"), ("after", when.after, "business event"), ("event", when.event, "customer event"))
    found += [(kind, name, ("when", key)) for key, name, kind in events if name is not None]
    return found


def _audience(draft: Draft, part: Part[Campaign]) -> None:
    audience, source = part.value.audience, part.source
    if not draft.segments.keys() >= set(audience.names):
        return
    someone, sure = False, True
    for needed, refused in _groups(draft, part.value):
        person, complete = find_person(needed, refused)
        someone, sure = someone or person is not None, sure and complete
    if not someone and sure:
        message = "nobody can ever be in this audience: its conditions exclude each other; change any, all or not"
        draft.problems.append(source.problem(("audience",), message, key=True))
    elif someone:
        _window(draft, part)


def _groups(draft: Draft, campaign: Campaign) -> list[tuple[Sequence[Condition], Sequence[Condition]]]:
    """Per way into the audience: what must hold, and what must not."""
    audience = campaign.audience
    always = [draft.segments[name].value for name in audience.all]
    never = [draft.segments[name].value for name in audience.none]
    return [([*always, draft.segments[name].value], never) for name in audience.any] or [(always, never)]


def _window(draft: Draft, part: Part[Campaign]) -> None:
    campaign, rules = part.value, draft.rules.value if draft.rules else None
    if rules is None or campaign.window or "window" in rules.categories[campaign.category].ignore:
        return
    if not draft.segments.keys() >= rules.segment_windows.keys():
        return
    covered = [draft.segments[name].value for name in rules.segment_windows]
    for needed, refused in _groups(draft, campaign):
        person, _ = find_person(needed, [*refused, *covered])
        if person is not None:
            who = ", ".join(f"{column} {value}" for column, value in person.items()) or "anybody"
            message = (
                f"somebody in this audience ({who}) is in no segment of segment_windows, and so has no window; "
                f"name a window here ({suggest('', rules.windows).removeprefix('; known: ')}) or add a segment to segment_windows"
            )
            draft.problems.append(part.source.problem(("audience",), message, key=True))
            return
