"""Digests: which of the valve's decisions become one message, and what that message says."""

from __future__ import annotations

import html
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from textwrap import shorten
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from channels.base import Channel, Content
from config.digests import digest_variant
from config.loader import Config
from config.templating import RenderError
from jobs import mishaps
from jobs.catalog import Published
from jobs.house import House
from jobs.render import Renderer
from rules import digest
from rules.arbitration import Decision
from rules.facts import Candidate, Contact, Person, Release
from store import digests

log = structlog.get_logger()

LONGEST = 200  # characters of what a line says after its title: a digest leads to the messages, it does not repeat them
TITLES = " · "


async def join(
    house: House,
    connection: AsyncConnection,
    published: Published,
    decisions: Sequence[Decision],
    waiting: Iterable[Candidate],
    people: Mapping[int, Person],
    history: Mapping[int, Sequence[Contact]],
    now: datetime,
) -> list[digest.Outcome]:
    """What the valve decided, with Merge for what goes inside a message that is released; see rules.digest.merge."""
    waiting = list(waiting)
    company = _company(published, decisions, waiting)
    if not company:
        return list(decisions)
    rows = {row.id: row for row in await digests.worded(connection, company)}
    versions = await house.catalog.readable(connection, {row.version_id for row in rows.values()})
    able = {
        candidate.id
        for candidate, verdict in decisions
        if isinstance(verdict, Release)
        and (row := rows.get(candidate.id)) is not None
        and row.version_id in versions
        and words(versions[row.version_id].config, row, verdict.channel) is not None
    }
    apart = {row.id for row in rows.values() if row.apart}
    return digest.merge(decisions, waiting, people, history, published.policy, published.calendar, now, able=able, apart=apart)


def _company(published: Published, decisions: Sequence[Decision], waiting: Sequence[Candidate]) -> list[int]:
    """Ids of the messages that could be in one digest with a released one, that one among them."""
    policy, found = published.policy, dict[tuple[int, str], list[int]]()
    for candidate in (*(each for each, _ in decisions), *waiting):
        found.setdefault((candidate.person_id, candidate.category), []).append(candidate.id)
    led = {
        (candidate.person_id, candidate.category)
        for candidate, verdict in decisions
        if isinstance(verdict, Release) and policy.category(candidate.category).digest is not None
    }
    return sorted({each for key in led if len(found[key]) > 1 for each in found[key]})


def words(config: Config, message: Any, channel: str) -> Content | None:
    """The digest of a message's category on a channel, as the version it was planned with has it; None when that has none.

    message: a row with category, campaign and variant.
    """
    category = config.rules.categories.get(message.category)
    if category is None or category.digest is None or message.variant < 0:
        return None
    own = config.templates[config.campaigns[message.campaign].template].variants[message.variant]
    chosen = digest_variant(config.templates[category.digest.template], own, channel)
    content = chosen.channels[channel] if chosen else None
    return content if isinstance(content, Content) else None


class Lines(str):
    """What a digest carries, a line each; in HTML with the breaks and the emphasis it needs there."""

    __slots__ = ("_html",)
    _html: str

    def __html__(self) -> str:
        return self._html


def lines(told: Sequence[tuple[str, str]], mark: str) -> Lines:
    """told: (title, body) each. mark: before each line of plain text."""
    short = [(" ".join(title.split()), shorten(body, LONGEST, placeholder="…")) for title, body in told]
    made = Lines("\n".join(f"{mark} {title}: {body}" if body else f"{mark} {title}" for title, body in short))
    shown = [(f"<strong>{html.escape(title)}</strong>", html.escape(body)) for title, body in short]
    made._html = "<br>\n".join(f"• {title}: {body}" if body else f"• {title}" for title, body in shown)
    return made


@dataclass(frozen=True, slots=True)
class Speech:
    """What one claimed message says. carried: rows of the messages whose words are in it; left_out: ids of those that are not."""

    content: Content
    carried: tuple[Any, ...] = ()
    left_out: tuple[int, ...] = ()


def speech(renderer: Renderer, row: Any, channel: Channel, riders: Sequence[Any]) -> Speech:
    """riders: rows of store.digests.carried for it. What of them cannot be shown is left out. Raises RenderError for its own words."""
    own = renderer.content(row, row, channel)
    shown, told = [], [own.in_brief()]
    for rider in riders:
        if rider.wanted and (content := _rendered(renderer, rider, row, channel)):
            shown.append(rider)
            told.append(content.in_brief())
    merged = _merged(renderer, row, channel, told) if shown else None
    if merged is None:
        return Speech(own, left_out=tuple(rider.id for rider in riders))
    return Speech(merged, tuple(shown), _ids_without(riders, shown))


def _rendered(renderer: Renderer, rider: Any, person: Any, channel: Channel) -> Content | None:
    try:
        return renderer.content(rider, person, channel)
    except Exception as error:
        log.warning("digest.left_out", message_id=rider.id, carrier_id=rider.carrier_id, error=mishaps.words(error))
        return None


def _merged(renderer: Renderer, row: Any, channel: Channel, told: Sequence[tuple[str, str]]) -> Content | None:
    """None when the digest cannot be filled in: the message then goes with its own words, and alone."""
    content = words(renderer.config(row), row, channel.name)
    if content is None:
        return None
    mark = "-" if content.prepared().html_fields else "•"
    values = {"count": len(told), "titles": TITLES.join(" ".join(title.split()) for title, _ in told), "lines": lines(told, mark)}
    try:
        return renderer.filled(content, row, row, digest=values)
    except RenderError as error:
        log.warning("digest.render_failed", message_id=row.id, run_id=row.run_id, error=str(error))
        return None


def _ids_without(riders: Sequence[Any], shown: Collection[Any]) -> tuple[int, ...]:
    there = {rider.id for rider in shown}
    return tuple(rider.id for rider in riders if rider.id not in there)
