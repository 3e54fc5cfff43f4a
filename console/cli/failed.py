"""failed: dead letters and doubtful messages by their cause, with what it means and what to do, or one by one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from config.settings import Settings
from console.cli.causes import Cause, cause
from console.cli.common import company_zone, known, screen
from console.cli.guard import run
from console.cli.overview import plain
from console.cli.times import SINCE, parse_since, wall_clock
from scheduler.bootstrap import open_house
from store import letters
from store.letters import Group, Letter
from store.replay import Chosen, campaigns

LIMIT = 50
FATES = {
    "before": "was replayed once already",
    "late": "has expired",
    "hopeless": "no live address, or opted out",
    "followed": "was followed by another channel",
    "replayed": "can be replayed",
}
_HOW = {
    "tries_used_up": "all tries used up: ",
    "too_late_to_retry": "the next try would have been too late: ",
    "in_doubt": "may have gone out, then: ",
}


@dataclass(frozen=True, slots=True)
class Found:
    """singles: None where nobody asked for them."""

    status: str
    groups: Sequence[Group]
    singles: Sequence[Letter] | None


def failed(
    campaign: Annotated[str | None, typer.Option("--campaign", help="Only of this campaign.", show_default=False)] = None,
    channel: Annotated[str | None, typer.Option("--channel", help="Only on this channel.", show_default=False)] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="T", help=f"Only what ended since. {SINCE}")] = None,
    code: Annotated[str | None, typer.Option("--cause", metavar="CODE", help="Only of this cause, and each message of it.")] = None,
    ids: Annotated[bool, typer.Option("--ids", help="Each message, the newest first.")] = False,
    unknown: Annotated[bool, typer.Option("--unknown", help="The doubtful instead: those that may have gone out.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many single messages.")] = LIMIT,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with stable keys; times in UTC.")] = False,
) -> None:
    """What failed for good, by cause: what it means, what to do, and whether a replay makes sense. Addresses are not shown."""
    asked = (campaign, channel, code)
    found = run(_failed(Settings.read(), asked, since, "unknown" if unknown else "failed", limit if ids or code else None))
    if as_json:
        typer.echo(json.dumps(as_data(found), ensure_ascii=False, indent=2))
        return
    console = screen()
    if not found.groups:
        console.print("nothing is in doubt" if unknown else "there are no dead letters")
        return
    console.print(_causes(found))
    if found.singles is not None:
        console.print(_singles(found))
    hint = "settle each with `kabar resolve ID --as sent|failed`" if unknown else "put back with `kabar replay --failed --cause CODE`"
    console.print(f"one by one: `kabar failed{' --unknown' if unknown else ''} --cause CODE`; {hint}", soft_wrap=True)


async def _failed(
    settings: Settings, asked: tuple[str | None, str | None, str | None], since: str | None, status: str, limit: int | None
) -> Found:
    campaign, channel, code = asked
    async with open_house(settings) as house:
        start = None if since is None else parse_since(since, await company_zone(house), wall_clock())
        async with house.database.begin() as connection:
            if campaign is not None:
                known("campaign", campaign, await campaigns(connection))
            if channel is not None:
                known("channel", channel, house.channels)
            chosen = Chosen(campaign, channel, code, start)
            sorts = {name: each.addresses for name, each in house.channels.items()}
            now = house.clock.now()
            groups = await letters.groups(connection, status, chosen, sorts=sorts, now=now)
            singles = await letters.each(connection, status, chosen, sorts=sorts, now=now, limit=limit) if limit and groups else None
            return Found(status, groups, singles)


def explained(channel: str, reason: str) -> Cause:
    """Of a whole reason, `tries_used_up:UNAVAILABLE`."""
    how, _, code = reason.partition(":")
    if how not in _HOW:
        return cause(channel, reason)
    inner = explained(channel, code)
    return Cause(f"{_HOW[how]}{inner.text}", inner.todo)


def _causes(found: Found) -> Table:
    last = "may be a second copy" if found.status == "unknown" else "can be replayed"
    table = Table("channel", "cause", "messages", last, "oldest", "newest", "what it means", "what to do")
    for group in found.groups:
        told = explained(group.channel, group.reason)
        n = group.repeated if found.status == "unknown" else group.replayable
        cells = (group.channel, group.reason, f"{group.n:,}", f"{n:,}", _time(group.oldest), _time(group.newest), told.text, told.todo)
        table.add_row(*map(escape, cells))
    return table


def _singles(found: Found) -> Table:
    table = Table("message", "campaign", "occurrence", "customer", "channel", "cause", "when", "attempts", "then")
    for each in found.singles or ():
        told = FATES[each.fate] if each.fate else _known(each)
        cells = (str(each.id), each.campaign, each.occurrence, each.customer_no, each.channel, each.reason, _time(each.at))
        table.add_row(*map(escape, (*cells, str(each.attempts), told)))
    return table


def _known(each: Letter) -> str:
    """Of a doubtful message: what there is to ask the provider with."""
    told = [f"provider id {each.provider_id}" if each.provider_id else "no provider id"]
    return ", ".join([*told, *(["may be a second copy"] if each.maybe_duplicate else [])])


def _time(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if at else ""


def as_data(found: Found) -> Mapping[str, Any]:
    """status, causes: [{channel, reason, messages, replayable, repeated, oldest, newest, means, todo}], messages: [...] or null."""
    causes = []
    for group in found.groups:
        told = explained(group.channel, group.reason)
        row = asdict(group)
        causes.append(row | {"messages": row.pop("n"), "means": told.text, "todo": told.todo})
    singles = None if found.singles is None else [asdict(each) for each in found.singles]
    data: Mapping[str, Any] = plain({"status": found.status, "causes": causes, "messages": singles})
    return data
