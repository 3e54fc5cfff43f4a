"""What the audit judges by, as plain data: the rules of each version, its hours, what campaigns order, which gap pop-ups kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from config.models import Cap, Category, Rules
from config.values import Calendar, OpenHours, parse_weekly_hours
from jobs.catalog import Published
from jobs.house import House
from store import audit_frame, audit_hours, audit_screens
from store.audit_frame import Book, Seen, interval
from store.audit_hours import Stretch

_WORDS = ["clicked", "replied", "opted_out", "complained"]
_ANSWERS = {"clicked": _WORDS, "read": [*_WORDS, "read"], "delivered": [*_WORDS, "read", "delivered", "dismissed"]}
_SLACK = timedelta(days=2)  # local days and nights that begin before or end after the instants asked about
_PERIODS = {Calendar.DAY: timedelta(days=2), Calendar.WEEK: timedelta(days=8), Calendar.MONTH: timedelta(days=32)}


@dataclass(frozen=True, slots=True)
class Edition:
    """Versions whose rules are the same."""

    published: Published
    versions: tuple[int, ...]

    @property
    def rules(self) -> Rules:
        return self.published.config.rules


async def editions(house: House, connection: AsyncConnection, seen: Sequence[Seen]) -> list[Edition]:
    """Most versions differ in campaigns and texts alone, and are judged together."""
    found: list[Edition] = []
    for each in seen:
        published = await house.catalog.version(connection, each.version)
        same = next((n for n, known in enumerate(found) if known.rules == published.config.rules), None)
        if same is None:
            found.append(Edition(published, (each.version,)))
        else:
            found[same] = Edition(found[same].published, (*found[same].versions, each.version))
    return found


def book(edition: Edition, first: datetime, last: datetime, personal: Sequence[str]) -> Book:
    """For messages between two instants. personal: what the registry says, where the rules name no channels themselves."""
    rules, calendar = edition.published.config.rules, edition.published.calendar
    days = ((first - _SLACK).date() + timedelta(days=n) for n in range((last - first + 3 * _SLACK).days))
    return Book(
        versions=edition.versions,
        zone=rules.timezone,
        gap=rules.overlap.gap,
        same_topic=rules.overlap.same_topic,
        personal=personal if rules.personal_channels is None else rules.personal_channels,
        categories=[_category(name, category) for name, category in rules.categories.items()],
        caps=[_cap(n, cap) for n, cap in enumerate(rules.overlap.caps)],
        holidays=[date.isoformat(day) for day in days if calendar.is_holiday(day)],
    )


def _category(name: str, category: Category) -> dict[str, Any]:
    free = {f"free_{rule}": rule in category.ignore for rule in ("window", "gap", "topic", "caps")}
    digest = interval(category.digest.within) if category.digest else None
    used = {"offer": category.offer, "approval": category.needs_approval, "counts": category.counts_in_caps, "digest": digest}
    return {"category": name, **used, **free}


def _cap(n: int, cap: Cap) -> dict[str, Any]:
    calendar = isinstance(cap.per, Calendar)
    return {
        "n": n,
        "name": cap.name,
        "channel": cap.channel,
        "category": cap.category,
        "most": cap.max,
        "calendar": str(cap.per) if calendar else None,
        "seconds": None if isinstance(cap.per, Calendar) else cap.per.total_seconds(),
    }


def lookback(editions: Sequence[Edition]) -> timedelta:
    """How long before a message what went before it still matters."""
    return max(_longest(edition.rules) for edition in editions) + audit_frame.GRACE


def _longest(rules: Rules) -> timedelta:
    periods = [_PERIODS[cap.per] if isinstance(cap.per, Calendar) else cap.per for cap in rules.overlap.caps]
    return max([rules.overlap.gap, rules.overlap.same_topic, *periods])


async def hours(connection: AsyncConnection, editions: Sequence[Edition]) -> list[Stretch]:
    """Every stretch at which something may come, by the keys of store/audit_hours.py. Needs the frame."""
    found: list[Stretch] = []
    for n, symbol in await audit_hours.windows(connection):
        found += _week(f"{n}/{symbol}", editions[n].published.window(symbol)[1])
    for n, edition in enumerate(editions):
        found += _week(f"{n}/lawful", edition.rules.offers_without_hours_consent)
    for written in await audit_hours.personal_hours(connection):
        found += _week(f"text:{written}", _read(written))
    return found


def _read(written: str) -> OpenHours | None:
    """Hours nobody can read are hours at which nothing may come."""
    try:
        return parse_weekly_hours(written)
    except ValueError:
        return None


def _week(key: str, hours: OpenHours | None) -> Iterator[Stretch]:
    if hours is None:
        return
    for holiday in (False, True):
        for weekday in range(7):
            for span in hours.spans(weekday, holiday=holiday):
                yield Stretch(key, weekday + 7 * holiday, span.start * 60, span.end * 60)


async def orders(house: House, connection: AsyncConnection) -> list[dict[str, Any]]:
    """Of campaigns with a choice of channels or a control group. Needs the frame.

    {version, campaign, first, share, seed, after, receipts} each; receipts: what is an answer, after which no message follows
    """
    found = []
    for version, name in await audit_frame.ordered(connection):
        campaign = (await house.catalog.version(connection, version)).config.campaigns.get(name)
        if campaign is not None and (campaign.control or campaign.channels.choice):
            share = campaign.control.share if campaign.control else None
            seed = campaign.control.seed if campaign.control and campaign.control.seed is not None else name
            then = campaign.channels.then
            follow = {"after": interval(then.after) if then else None, "receipts": _ANSWERS[then.unless] if then else []}
            first = bool(campaign.channels.choice)
            found.append({"version": version, "campaign": name, "first": first, "share": share, "seed": seed, **follow})
    return found


async def eras(house: House, connection: AsyncConnection) -> tuple[list[dict[str, str]], timedelta]:
    """Which `popup_gap` held when, {first, last, gap} each, and the longest of them. Versions that came back count from then."""
    gaps: dict[str, timedelta] = {}
    changes: list[tuple[str, timedelta]] = []
    for edition in await audit_screens.editions(connection):
        if edition.text not in gaps:
            gaps[edition.text] = (await house.catalog.version(connection, edition.version)).config.rules.overlap.popup_gap
        if not changes or changes[-1][1] != gaps[edition.text]:
            changes.append((edition.activated_at.isoformat() if changes else "-infinity", gaps[edition.text]))
    ends = [*(since for since, _ in changes[1:]), "infinity"]
    found = [{"first": since, "last": end, "gap": interval(gap)} for (since, gap), end in zip(changes, ends, strict=True)]
    return found, max(gaps.values(), default=timedelta(0))
