"""Where each thing of a configuration is written, so that a decision can point at the line it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from config.draft import Draft
from config.source import Path, Source

_RULES: tuple[tuple[str, Path], ...] = (
    ("gap", ("overlap", "gap")),
    ("same_topic", ("overlap", "same_topic")),
    ("offers_without_hours_consent", ("offers_without_hours_consent",)),
    ("holidays", ("holidays",)),
    ("timezone", ("timezone",)),
)
_NAMED: tuple[tuple[str, Path], ...] = (
    ("window", ("windows",)),
    ("segment_window", ("segment_windows",)),
    ("category", ("categories",)),
    ("cap", ("overlap", "caps")),
)
_CAMPAIGN: Mapping[str, Path] = {
    "expires": ("expires",),
    "queue_for": ("queue_for",),
    "control": ("control",),
    "channels": ("channels",),
    "then": ("channels", "then"),
}


def places(draft: Draft) -> dict[tuple[str, str], str]:
    """(kind, key) → `file:line`; see Config.where."""
    found = dict(_in_rules(draft.rules.source)) if draft.rules else {}
    for kind in ("campaign", "template", "segment"):
        found.update({(kind, name): place for name, place in draft.names.get(kind, {}).items()})
    for kind in ("business event", "customer event"):
        found.update({("event", name): place for name, place in draft.names.get(kind, {}).items()})
    for name, campaign in draft.campaigns.items():
        for key, path in _CAMPAIGN.items():
            if path in campaign.source.values:
                found[key, name] = _line(campaign.source, path)
    if draft.accounts:
        source = draft.accounts.source
        for index, account in enumerate(draft.accounts.value.accounts):
            found["account", account.name] = _line(source, ("accounts", index))
    return found


def _in_rules(source: Source) -> Iterator[tuple[tuple[str, str], str]]:
    for kind, path in _RULES:
        if path in source.values:
            yield (kind, ""), _line(source, path)
    for kind, path in _NAMED:
        value = source.get(path)
        for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
            yield (kind, str(key)), _line(source, (*path, key))


def _line(source: Source, path: Path) -> str:
    return f"{source.file}:{source.mark(path, key=True).line}"
