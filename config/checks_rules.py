"""What rules.yaml says that the other files do not bear out: names, windows that never open, caps that do nothing."""

from __future__ import annotations

from collections.abc import Iterator

import holidays

from config.draft import Draft, Part
from config.models import Campaign, Cap, Rules
from config.source import Path


def check_rules(draft: Draft, part: Part[Rules]) -> None:
    """Add to the draft's problems what is wrong with the rules."""
    rules, source = part.value, part.source
    for segment, window in rules.segment_windows.items():
        draft.known("segment", segment, source, ("segment_windows", segment), key=True)
        draft.known("window", window, source, ("segment_windows", segment))
    for segment in rules.tone:
        draft.known("segment", segment, source, ("tone", segment), key=True)
    for kind, name, path in _named(rules):
        draft.known(kind, name, source, path)
    for name, hours in rules.windows.items():
        if not any(hours.days) and not hours.holiday:
            message = f'window "{name}" never opens; give it hours, such as {{weekdays: "19:00-21:30"}}'
            draft.problems.append(source.problem(("windows", name), message, key=True))
    countries = holidays.list_supported_countries(include_aliases=True)
    if (country := rules.holidays.country) not in countries:
        message = f'no holidays are known for country "{country}"; write a code such as ID'
        draft.problems.append(source.problem(("holidays", "country"), message))


def _named(rules: Rules) -> Iterator[tuple[str, str, Path]]:
    for index, cap in enumerate(rules.overlap.caps):
        for kind, name in (("channel", cap.channel), ("category", cap.category)):
            if name is not None:
                yield kind, name, ("overlap", "caps", index, kind)
    for index, name in enumerate(rules.personal_channels or ()):
        yield "channel", name, ("personal_channels", index)


def warn_rules(draft: Draft, part: Part[Rules]) -> None:
    """Add to the warnings what the rules promise and no campaign bears out. For a draft without problems."""
    rules, source = part.value, part.source
    campaigns = [one.value for one in draft.campaigns.values()]
    for index, cap in enumerate(rules.overlap.caps):
        if message := _idle(cap, campaigns, rules):
            draft.warnings.append(source.problem(("overlap", "caps", index), message).as_warning())


def _idle(cap: Cap, campaigns: list[Campaign], rules: Rules) -> str | None:
    """Why a cap does nothing, or everything."""
    meant = [
        one for one in campaigns if cap.category in (None, one.category) and (cap.channel is None or cap.channel in one.channels.names)
    ]
    names = " and ".join(filter(None, (cap.category and f'is of category "{cap.category}"', cap.channel and f"goes by {cap.channel}")))
    if not meant:
        return f"this cap never counts anything: no campaign {names}; correct it or take it out" if names else None
    held = [one for one in meant if "caps" not in rules.categories[one.category].ignore]
    if not held:
        return "this cap holds nothing back: every campaign it is about ignores caps; take it out, or `caps` out of `ignore`"
    if cap.max == 0:
        told = ", ".join(one.campaign for one in held)
        return f"a cap of 0 lets nothing through, of {told}; raise it, or take what it stops out of their channels"
    return None
