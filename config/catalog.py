"""A whole valid configuration as one frozen value, addressed by the hash of its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from config.accounts import Accounts
from config.companions import Companion
from config.conditions import Condition
from config.models import Campaign, Events, Rules
from config.problems import Problem
from config.templates import Template


@dataclass(frozen=True)
class Config:
    """What operations wrote, checked.

    segments, campaigns, templates: by name
    companions: what providers have approved, by file name without `.yaml`
    files:    path below the config directory → text; parse() reads it back
    hash:     of all files
    contents: campaign → hash of what an approval is bound to
    places:   (kind, key) → `file:line`
    warnings: what the files alone show to be in order and disappointing
    """

    rules: Rules
    segments: Mapping[str, Condition]
    events: Events
    campaigns: Mapping[str, Campaign]
    templates: Mapping[str, Template]
    accounts: Accounts
    companions: Mapping[str, Companion]
    files: Mapping[str, str] = field(repr=False)
    hash: str
    contents: Mapping[str, str] = field(repr=False)
    places: Mapping[tuple[str, str], str] = field(repr=False)
    warnings: tuple[Problem, ...] = field(default=(), repr=False)

    def content_hash(self, campaign: str) -> str:
        """Of the campaign, its template, its category's digest, and the conditions of the segments they name. Raises KeyError."""
        return self.contents[campaign]

    def counts_clicks(self, campaign: str) -> bool:
        """Whether links in its mails lead through Kabar. Raises KeyError."""
        asked = self.campaigns[campaign]
        return self.rules.categories[asked.category].counts_clicks if asked.count_clicks is None else asked.count_clicks

    def where(self, kind: str, key: str | int = "") -> str:
        """`schedules/x.yaml:7`, the line that sets something; empty when no line does (a default).

        kind: campaign, template, segment, event, account, window, segment_window, category by name; cap by its number;
        expires, queue_for, control, channels, then by the campaign's name;
        gap, same_topic, offers_without_hours_consent, holidays, timezone without a key
        """
        return self.places.get((kind, str(key)), "")


def files_hash(files: Mapping[str, str]) -> str:
    """Of normalised texts, whatever the order of the mapping."""
    return digest(sorted(files.items()))


def digest(value: object) -> str:
    """SHA-256 of plain data in canonical JSON."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
