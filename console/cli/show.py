"""status: how the house does, for a person or, with --json, for a script."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from config.settings import Settings
from console.cli.config import not_configured
from console.cli.control import what
from console.cli.guard import run
from console.cli.overview import collect
from console.cli.terminal import terminal
from scheduler.bootstrap import open_house

Data = Mapping[str, Any]
_ACCOUNTS = (
    "account", "channel", "rate/s", "share", "sent last minute", "latency", "failures in a row", "breaker", "closed until", "because",
)  # fmt: skip
_WORDS = {"control_group": "in the control group (get nothing on purpose)"}


def status(as_json: Annotated[bool, typer.Option("--json", help="One JSON object with stable keys.")] = False) -> None:
    """Runs, what waits and why, rates and breakers, lag, pauses, and when each tick last succeeded."""
    data = run(_status(Settings.read()))
    if as_json:
        typer.echo(json.dumps(data, ensure_ascii=False, indent=2))
        return
    console = terminal()
    for part in report(data):
        console.print(part, soft_wrap=isinstance(part, str))


async def _status(settings: Settings) -> dict[str, Any]:
    async with open_house(settings) as house:
        return await collect(house, not_configured(house.channels))


def report(data: Data) -> Iterator[RenderableType]:
    """The same for people, the alarming first."""
    yield from _notices(data)
    config = data["config"]
    if config:
        yield f"configuration {config['version']} ({config['hash'][:12]}) since {_time(config['activated_at'])}"
    else:
        yield "nothing is published yet; `kabar up` or `kabar scheduler` publishes the configuration"
    lag, backlog = data["lag"], data["backlog"]
    yield (
        f"lag: {_ago(lag['queued'])} for what may go now, {_ago(lag['released'])} for what is released; "
        f"to be worked on: {backlog['events']} events, {backlog['receipts']} receipts"
    )
    yield _table("runs", ("run", "campaign", "occurrence", "status", "messages", "what became of them"), map(_run, data["runs"]))
    yield _table("reservoir", ("channel", "queued", "deferred", "released", "sending", "deferred because of"), _reservoir(data))
    yield _table("accounts", _ACCOUNTS, _accounts(data))
    if data["quotas"]:
        yield _table("people in 24 hours", ("channel", "written to", "allowed"), map(_quota, data["quotas"]))
    if data["slow_domains"]:
        yield _table(
            "slow domains", ("channel", "domain", "nothing before", "asked in a row", "because"), map(_domain, data["slow_domains"])
        )
    if data["set_aside"]:
        yield _table("set aside", ("kind", "number", "what", "because", "of"), map(_aside, data["set_aside"]))
    yield _table("ticks", ("tick", "last good", "ago", "last error"), map(_tick, data["ticks"]))


def _notices(data: Data) -> Iterator[str]:
    for trouble in data["troubles"]:
        if trouble["code"] != "config_refused":  # told below, every problem of it
            colour = "red" if trouble["critical"] else "yellow"
            yield f"[{colour}]{trouble['code'].replace('_', ' ')}:[/{colour}] {escape(trouble['words'])}"
    for problem in data["config_fault"] or ():
        yield f"[red]configuration refused, the last good one stays:[/red] {escape(problem)}"
    if halt := data["halted"]:
        waiting = f"{halt['queued']:,} messages queued, {halt['go_now']:,} would go now"
        words = f"{halt['words']}; {waiting}; `kabar resume --all` when you have looked"
        yield f"[bold red]everything is stopped:[/bold red] {escape(words)}"
    for stop in data["pauses"]:
        words = f"{what(stop['campaign'], stop['channel'])} since {_time(stop['set_at'])} by {stop['set_by']}: {stop['reason']}"
        yield f"[yellow]stopped:[/yellow] {escape(words)}"
    for source, receipts in data["unknown_receipts"].items():
        yield f"[dim]{receipts:,} receipts from {escape(source)} named a message nobody knows[/dim]"
    for stop in data["stopped_platforms"]:
        words = f"{stop['channel']} to {stop['platform']} devices since {_time(stop['set_at'])}: {stop['reason']}"
        yield f"[yellow]stopped:[/yellow] {escape(words)}"
    for account in data["accounts"]:
        if account["stopped_at"]:
            words = f"account {account['account']} since {_time(account['stopped_at'])}: {account['reason']}"
            yield f"[yellow]stopped:[/yellow] {escape(words)}"
    for channel, variables in data["not_configured"].items():
        yield f"[dim]{channel} is not configured in this environment; it needs {', '.join(variables)}[/dim]"


def _table(title: str, columns: tuple[str, ...], lines: Iterable[tuple[object, ...]]) -> RenderableType:
    table = Table(*columns, title=title, title_justify="left", title_style="bold")
    for line in lines:
        table.add_row(*("" if cell is None else escape(str(cell)) for cell in line))
    return table if table.row_count else f"[bold]{title}[/bold]: none"


def _run(run: Data) -> tuple[object, ...]:
    status = f"{run['status']}: {run['reason']}" if run["reason"] else run["status"]
    return run["id"], run["campaign"], run["occurrence"], status, run["messages"], _counts(run["counts"])


def _reservoir(data: Data) -> Iterator[tuple[object, ...]]:
    for channel, part in data["reservoir"].items():
        reasons = dict(list(part["deferred_by_reason"].items())[:3])
        yield channel, part["queued"], part["deferred"], part["released"], part["sending"], _counts(reasons)


def _accounts(data: Data) -> Iterator[tuple[object, ...]]:
    for account in data["accounts"]:
        held = (account["open_until"] or "") > data["at"]
        until = "resumed" if account["stopped_at"] else _time(account["open_until"]) if held else None
        pace = f"{account['rate']:g}", f"{account['share']:g}", account["sent_last_minute"]
        latency = None if account["latency"] is None else f"{account['latency']:.2f} s"
        state = account["breaker"].replace("_", " ")
        because = account["reason"] if until or account["breaker"] != "closed" else None
        yield account["account"], account["channel"], *pace, latency, account["failures"], state, until, because


def _quota(found: Data) -> tuple[object, ...]:
    return found["channel"], f"{found['used']:,}", "any number" if found["people"] is None else f"{found['people']:,}"


def _domain(found: Data) -> tuple[object, ...]:
    return found["channel"], found["domain"], _time(found["until"]), found["strikes"], found["reason"]


def _aside(item: Data) -> tuple[object, ...]:
    return item["kind"], item["id"], item["what"], item["error"], _time(item["at"])


def _tick(tick: Data) -> tuple[object, ...]:
    error = f"{tick['last_error']} at {_time(tick['last_error_at'])}" if tick["last_error"] else None
    return tick["name"], _time(tick["last_ok_at"]), _ago(tick["seconds_ago"]), error


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {_WORDS.get(name, name)}" for name, n in sorted(counts.items(), key=lambda item: -item[1]))


def _time(moment: str | None) -> str | None:
    return None if moment is None else moment[:19].replace("T", " ") + "Z"


def _ago(seconds: float | None) -> str:
    if seconds is None:
        return "none"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
