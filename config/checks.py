"""What is wrong between files: names nobody defined, people who can never be reached or have no window."""

from __future__ import annotations

from config.audiences import first_in, possible, search, ways
from config.checks_companions import check_companions
from config.checks_escalation import check_escalation
from config.checks_rules import check_rules, warn_rules
from config.checks_speech import warn_speech
from config.digests import check_digests
from config.draft import Draft, Part
from config.faults import locate
from config.models import Campaign
from config.problems import suggest
from config.source import Path
from config.speech import check_speech


def check(draft: Draft) -> None:
    """Add to the draft's problems what no single file shows, and its warnings when there are no problems."""
    if draft.rules:
        check_rules(draft, draft.rules)
    _accounts(draft)
    for template in draft.templates.values():
        for index, variant in enumerate(template.value.variants):
            if variant.segment:
                draft.known("segment", variant.segment, template.source, ("variants", index, "segment"))
    for campaign in draft.campaigns.values():
        _campaign(draft, campaign)
    check_digests(draft)
    check_companions(draft)
    if draft.rules and not draft.problems:
        warn_rules(draft, draft.rules)
        warn_speech(draft, draft.rules.value)


def _accounts(draft: Draft) -> None:
    if draft.accounts is None:
        return
    seen: set[str] = set()
    source = draft.accounts.source
    for channel in draft.accounts.value.default_shares:
        draft.known("channel", channel, source, ("default_shares", channel), key=True)
    for index, account in enumerate(draft.accounts.value.accounts):
        draft.known("channel", account.channel, source, ("accounts", index, "channel"))
        if account.name in seen | draft.channels.keys():
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
        check_escalation(draft, part)
        _audience(draft, part)
        if template and campaign.template in draft.templates:
            check_speech(draft, part, draft.templates[campaign.template])


def _named(campaign: Campaign) -> list[tuple[str, str, Path]]:
    when = campaign.when
    found: list[tuple[str, str, Path]] = []
    for key, names in (("any", campaign.audience.any), ("all", campaign.audience.all), ("not", campaign.audience.none)):
        found += [("segment", name, ("audience", key, index)) for index, name in enumerate(names)]
    for key, names in (("first", campaign.channels.first), ("all", campaign.channels.all)):
        found += [("channel", name, ("channels", key, index)) for index, name in enumerate(names)]
    if campaign.channels.then:
        found.append(("channel", campaign.channels.then.channel, ("channels", "then", "channel")))
    events = (("before", when.before, "business event"), ("after", when.after, "business event"), ("event", when.event, "customer event"))
    found += [(kind, name, ("when", key)) for key, name, kind in events if name is not None]
    return found


def _audience(draft: Draft, part: Part[Campaign]) -> None:
    audience, source, segments = part.value.audience, part.source, draft.conditions
    if not segments.keys() >= set(audience.names):
        return
    entries = ways(audience, segments)
    if not possible(entries):
        message = "nobody can ever be in this audience: its conditions exclude each other; change any, all or not"
        draft.problems.append(source.problem(("audience",), message, key=True))
    elif any(search(way)[0] is not None for way in entries):
        _window(draft, part)


def _window(draft: Draft, part: Part[Campaign]) -> None:
    campaign, rules, segments = part.value, draft.rules.value if draft.rules else None, draft.conditions
    if rules is None or campaign.window or "window" in rules.categories[campaign.category].ignore:
        return
    if not segments.keys() >= rules.segment_windows.keys():
        return
    outside = first_in(rules.segment_windows, segments)[None]
    for way in ways(campaign.audience, segments):
        person, _ = search(way & outside)
        if person is not None:
            who = ", ".join(f"{column} {value}" for column, value in person.items()) or "anybody"
            message = (
                f"somebody in this audience ({who}) is in no segment of segment_windows, and so has no window; "
                f"name a window here ({suggest('', rules.windows).removeprefix('; known: ')}) or add a segment to segment_windows"
            )
            draft.problems.append(part.source.problem(("audience",), message, key=True))
            return
