"""`kabar why`: one person's timeline, every message and every reason, for somebody who has never seen the code."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from config.models import Rules
from config.settings import Settings
from console.cli.common import fault, nobody
from console.cli.guard import run
from console.cli.story import Line, Tale, tales
from console.cli.teller import WAITING, Teller
from console.cli.terminal import terminal
from jobs.catalog import Published
from jobs.house import House
from jobs.outlook import Forecast, candidate, forecasts
from rules.facts import Candidate
from scheduler.bootstrap import open_house
from store import versions
from store.profile import profile
from store.timeline import Message, Suppression, Timeline, timeline

_SUPPRESSED = {"address": "dead address", "opt_out": "opted out", "complaint": "complained"}
_LABEL = 15  # columns before the text of a fact about the person


@dataclass(frozen=True, slots=True)
class Story:
    """A person and what became of every message to them."""

    person: Timeline
    zone: ZoneInfo
    segments: tuple[str, ...]
    tales: tuple[Tale, ...]
    teller: Teller


def why(
    customer_no: Annotated[str, typer.Argument(metavar="CUSTOMER_NO", help="The customer's number.", show_default=False)],
    campaign: Annotated[str | None, typer.Option("--campaign", metavar="C", help="Only what this campaign planned.")] = None,
    machine: Annotated[bool, typer.Option("--json", help="For scripts; times in UTC.")] = False,
) -> None:
    """One person's timeline: what was planned, why it waited or was dropped, what was sent and read, and what happens next."""
    story = run(_why(Settings.read(), customer_no, campaign))
    if machine:
        typer.echo(json.dumps(as_json(story), indent=2, ensure_ascii=False))
    else:
        show(story, terminal(emoji=False))  # `receipt:email:kabar-42` is evidence, and no picture


async def _why(settings: Settings, customer_no: str, campaign: str | None) -> Story:
    async with open_house(settings) as house:
        return await tell(house, customer_no, await house.clock.sync(), campaign)


async def tell(house: House, customer_no: str, now: datetime, campaign: str | None = None) -> Story:
    """Raises ConfigError when there is no such customer."""
    async with house.database.begin() as connection:
        person = await timeline(connection, customer_no)
        if person is None:
            raise fault("customer", await nobody(connection, customer_no))
        published = await house.catalog.newest(connection)
        company = published.config.rules.timezone if published else str(Rules.model_fields["timezone"].default)
        conditions = published.config.segments if published else {}
        found = await profile(connection, customer_no, conditions, now.astimezone(ZoneInfo(company)).date())
        expected = await _expected(connection, published, person, now) if published else {}
        pauses, approved = await versions.pauses(connection), await versions.approvals(connection)
    zone, config = ZoneInfo(person.timezone or company), published.config if published else None
    teller = Teller(zone, now, config, {each.id: each for each in person.messages}, expected, pauses, approved)
    return Story(person, zone, tuple(sorted(found.segments)) if found else (), tales(person, teller, campaign), teller)


async def _expected(connection: AsyncConnection, published: Published, person: Timeline, now: datetime) -> dict[int, Forecast]:
    """What becomes of each message that waits, by id."""
    found: dict[int, Forecast] = {}
    for message in person.messages:
        if message.status in WAITING:
            at = max(now, message.next_attempt_at or now)
            for each in await forecasts(connection, published, [_candidate(published, person.person_id, message)], at):
                found[message.id] = each
    return found


def _candidate(published: Published, person_id: int, message: Message) -> Candidate:
    return candidate(
        published,
        id=message.id,
        person_id=person_id,
        run_id=message.run_id,
        campaign=message.campaign,
        channels=(message.channel, *message.fallback),
        category=message.category,
        topic=message.topic,
        window_key=message.window_key,
        expires_at=message.expires_at,
        queue_until=message.queue_until,
    )


def show(story: Story, console: Console) -> None:
    """The person, then each message, oldest first."""
    for number, fact in enumerate(head(story)):
        label, text = (fact[:_LABEL], fact[_LABEL:]) if number else ("", fact)
        _row(console, label, escape(text))
    for tale in story.tales:
        message = tale.message
        console.print()
        title = f"{message.campaign} by {message.channel}"
        run_ = f"message {message.id}, run {message.occurrence}"
        console.print(f"[bold]{escape(title)}[/bold]: {message.status}  [dim]{escape(run_)}[/dim]", highlight=False)
        for line in tale.lines:
            _print(console, story.teller.time(line.at), line.text, line.where)
        if tale.next:
            _print(console, "next", tale.next.text, tale.next.where)
    if not story.tales:
        others = ", ".join(dict.fromkeys(message.campaign for message in story.person.messages))
        found = f"no message of this campaign; there are some of {others}" if others else "no message was ever planned for this person"
        console.print(f"\n{escape(found)}", highlight=False, soft_wrap=True)


def _print(console: Console, at: str, text: str, where: str) -> None:
    place = f"  [dim]{escape(f'[{where}]')}[/dim]" if where else ""
    _row(console, f"  [cyan]{at:<16}[/cyan]  ", f"{escape(text)}{place}")


def _row(console: Console, label: str, text: str) -> None:
    """On a terminal a long text goes on below its own beginning; elsewhere a line stays one line."""
    if not console.is_terminal:
        console.print(f"{label}{text}", highlight=False, soft_wrap=True)
        return
    row = Table.grid()
    row.add_column(no_wrap=True)
    row.add_column()
    row.add_row(label, text)
    console.print(row, highlight=False)


def head(story: Story) -> list[str]:
    """Who it is and what they agreed to, addresses masked."""
    person, time = story.person, story.teller.time
    nobody = "none" if story.teller.config else "not known until a configuration is published"
    lines = [
        f"{person.customer_no}  {person.name}",
        f"segments       {', '.join(story.segments) or nobody}",
        f"time zone      {story.zone.key}{'' if person.timezone else ' (that of the company)'}; there it is {time(story.teller.now)}",
        f"contact hours  {person.contact_hours or 'any'}",
        f"addresses      {', '.join(_address(each) for each in person.addresses) or 'none'}",
        f"offers         {_consents(person.consents)}",
    ]
    return lines + [f"{_SUPPRESSED[word.kind]:<{_LABEL}}{_suppression(word, time)}" for word in person.suppressions]


def _suppression(word: Suppression, time: Callable[[datetime], str]) -> str:
    """What is on the suppression list, by what evidence, and whether it still holds."""
    what = f"of offers by {word.channel}" if word.channel else word.masked or ""
    if word.channel and word.masked:
        what += f" at {word.masked}"
    known = f" (recorded {time(word.recorded_at)})" if word.recorded_at.date() != word.at.date() else ""
    code = f" {word.code}" if word.code and word.code != word.source else ""
    lifted = f"; lifted {time(word.lifted_at)} by {word.lifted_by}: {word.lift_evidence}" if word.lifted_at else ""
    return f"{what}, {time(word.at)}{known} by {word.source}{code}: {word.evidence}{lifted}"


def _address(each: Any) -> str:
    state = f", dead: {each.drop_reason}" if each.dropped_at else "" if each.listed else ", no longer in the customer file"
    return f"{each.sort} {each.masked}{f' ({each.platform}{state})' if each.platform else f' ({state[2:]})' if state else ''}"


def _consents(consents: Mapping[str, Mapping[str, Any]]) -> str:
    given = [
        f"{name}{f' (also {hours})' if (hours := each.get('hours')) else ''}" for name, each in consents.items() if each.get("marketing")
    ]
    return f"agreed on {', '.join(given)}" if given else "not agreed on any channel"


def as_json(story: Story) -> dict[str, Any]:
    """The same with stable keys; times in UTC, in ISO 8601."""
    person = story.person
    return {
        "customer_no": person.customer_no,
        "name": person.name,
        "segments": list(story.segments),
        "zone": story.zone.key,
        "contact_hours": person.contact_hours,
        "consents": person.consents,
        "addresses": [{"sort": each.sort, "address": each.masked, "platform": each.platform} for each in person.addresses],
        "suppressions": [_word(each) for each in person.suppressions],
        "messages": [_message(tale) for tale in story.tales],
    }


def _word(each: Suppression) -> dict[str, Any]:
    return {name: _utc(value) if isinstance(value, datetime) else value for name, value in asdict(each).items()}


def _message(tale: Tale) -> dict[str, Any]:
    message = tale.message
    return {
        "message_id": message.id,
        "campaign": message.campaign,
        "occurrence": message.occurrence,
        "channel": message.channel,
        "category": message.category,
        "topic": message.topic,
        "status": message.status,
        "reason": message.reason,
        "carried_by": message.carrier_id,
        "expires_at": _utc(message.expires_at),
        "events": [_event(line) for line in tale.lines],
        "next": {"what": tale.next.text, "where": tale.next.where or None} if tale.next else None,
    }


def _event(line: Line) -> dict[str, Any]:
    step = line.decision
    decision = {"decision": step.what, "reason": step.why, "until": _utc(step.until) if step.until else None} if step else {}
    return {"at": _utc(line.at), "what": line.text, "where": line.where or None} | decision


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
