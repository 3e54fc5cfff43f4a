"""`kabar audit`: what was really sent, against the rules in force when it was."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from config.settings import Settings
from console.cli.common import company_zone
from console.cli.guard import run
from console.cli.terminal import terminal
from console.cli.times import SINCE, parse_since, wall_clock
from jobs.audit import Audit, examine
from scheduler.bootstrap import open_house
from store.breaches import Breach, Kind

# What a breach of each kind is; `{word}` is what was broken, `{other}` what it stood against.
SENTENCES: dict[Kind, str] = {
    Kind.WINDOW: "outside its delivery window ({word})",
    Kind.CONTACT_HOURS: "outside the person's own contact hours ({word})",
    Kind.TOPIC: "topic {word} again, too soon after {other}",
    Kind.GAP: "too soon after {other}",
    Kind.CAP: "over the cap {word}",
    Kind.CONSENT: "an offer ({word}) without marketing consent for the channel",
    Kind.OPTED_OUT: "an offer ({word}) after the person opted out of the channel",
    Kind.UNLAWFUL_HOURS: "an offer outside the lawful hours and outside the consented ones ({word})",
    Kind.NOT_APPROVED: "content of a category ({word}) that needs approval and had none",
    Kind.CONTROL: "sent to somebody in the control group of {word}",
    Kind.PAUSED: "while {word} was stopped (since {other_at})",
    Kind.LATE: "sent after it had expired ({other_at})",
    Kind.IMPATIENT: "released after it had waited as long as it may ({other_at})",
    Kind.NO_ADDRESS: "to somebody without a live address ({word})",
    Kind.WRONG_ADDRESS: "to an address that was {word}",
    Kind.TWICE: "accepted by the provider {word} and not flagged as a possible duplicate",
    Kind.TWO_CHANNELS: "a second time in one run that chooses one channel, after {word}, {other}",
    Kind.BOTH_WAYS: "by two channels of a choice ({word})",
    Kind.ANSWERED: "followed {other}, which had been {word} before",
    Kind.HASTY: "followed {other} sooner than after {word}",
    Kind.NOT_CARRIED: "merged into another message and never sent ({word})",
    Kind.WRONG_CARRIER: "went inside {other}, which is {word}",
    Kind.POPUP_GAP: "shown too soon after {other}",
    Kind.TWO_POPUPS: "shown while {other} was still on the screen",
}
CHECKED = (
    "window, contact hours, topic, gap, caps, consent, opt-outs, lawful hours, approval, control groups, stops, expiry, patience, "
    "addresses, duplicates, one channel a run, follow-ups, digests, pop-ups"
)


def audit(
    since: Annotated[str | None, typer.Option("--since", metavar="T", help=f"Only what was released since. {SINCE}")] = None,
    machine: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Check what was really sent against the rules in force when it was: windows, gap, caps, topics, consent. Exit 1 on any breach."""
    result = run(_audit(Settings.read(), since))
    if machine:
        typer.echo(as_json(result))
    else:
        show(result, terminal())
    if not result.clean:
        raise typer.Exit(1)


async def _audit(settings: Settings, since: str | None) -> Audit:
    async with open_house(settings) as house:
        return await examine(house, None if since is None else parse_since(since, await company_zone(house), wall_clock()))


def sentence(breach: Breach) -> str:
    """What was wrong with one message, in the person's time."""
    other_at = _local(breach.other_at, breach.zone) if breach.other_at else "-"
    return SENTENCES[breach.kind].format(word=breach.word, other=f"message {breach.other} ({other_at})", other_at=other_at)


def verdict(result: Audit) -> str:
    """The whole audit in one line."""
    size = f"{result.messages} messages, {result.people} people"
    if result.clean:
        return f"clean: {size}, rules checked: {CHECKED}"
    counts = ", ".join(f"{kind} {count}" for kind, count in result.counts.items())
    return f"BREACHES: {sum(result.counts.values())} in {size}: {counts}"


def show(result: Audit, console: Console) -> None:
    """The breaches found, then the verdict."""
    if result.found:
        table = Table(title=f"the first {len(result.found)} breaches")
        for heading in ("message", "customer", "campaign", "channel", "when", "what is wrong"):
            table.add_column(heading, overflow="fold")
        for breach in result.found:
            when = _local(breach.at, breach.zone)
            table.add_row(str(breach.message_id), breach.customer_no, breach.campaign, breach.channel, when, sentence(breach))
        console.print(table, markup=False)
    console.print(verdict(result), soft_wrap=True, highlight=False, markup=False)


def as_json(result: Audit) -> str:
    """The same for scripts; times in UTC."""
    document = {
        "clean": result.clean,
        "messages": result.messages,
        "people": result.people,
        "counts": result.counts,
        "breaches": [_plain(breach) for breach in result.found],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _plain(breach: Breach) -> dict[str, Any]:
    return {
        "kind": breach.kind,
        "message_id": breach.message_id,
        "customer_no": breach.customer_no,
        "campaign": breach.campaign,
        "channel": breach.channel,
        "at": breach.at.astimezone(UTC).isoformat(),
        "zone": breach.zone,
        "other_message_id": breach.other,
        "what": sentence(breach),
    }


def _local(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%a %d %b %Y %H:%M:%S}"
