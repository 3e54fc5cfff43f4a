"""`kabar preview`: who would get a campaign as it stands in KABAR_CONFIG_DIR, what they would read, and what would stop it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from config.loader import Config
from config.models import Campaign
from config.settings import Settings
from console.cli.approval import audience, follow_up
from console.cli.common import fault, invented_event, known, nobody
from console.cli.guard import run
from console.cli.reasons import Explanation, explain, explain_end
from console.cli.terminal import terminal
from console.cli.weights import too_long
from jobs.catalog import Published
from jobs.house import House
from jobs.outlook import Forecast
from jobs.preview import Draft, Fate, Preview, Sample, fates, survey
from rules.facts import Defer, Release, Suppress
from scheduler.bootstrap import open_house, read_config
from scheduler.occurrences import Occurrence, occurrences
from store import versions
from store.control import CONTROL_GROUP
from store.profile import profile

# A long look ahead last: what comes every few minutes has too many occurrences in a year.
_HORIZONS = (timedelta(hours=6), timedelta(days=2), timedelta(days=40), timedelta(days=400))


def preview(
    name: Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Name of the campaign.", show_default=False)],
    customer: Annotated[str | None, typer.Option("--customer", metavar="NO", help="Would this customer get it, and what?")] = None,
) -> None:
    """Who would get a campaign, by which channel, in which words, and what would stop it at its next occurrence. Writes nothing."""
    console = terminal()
    for part in run(_preview(Settings.read(), name, customer)):
        console.print(part, highlight=False, soft_wrap=isinstance(part, str))


async def _preview(settings: Settings, name: str, customer: str | None) -> list[Any]:
    config = read_config(settings.config_dir)
    found = config.campaigns[known("campaign", name, config.campaigns)]
    async with open_house(settings) as house:
        now = await house.clock.sync()
        return await (about(house, config, found, now) if customer is None else about_customer(house, config, found, customer, now))


async def about(house: House, config: Config, found: Campaign, now: datetime) -> list[Any]:
    """The whole audience, as what rich prints."""
    draft = drafted(house, config, found, now)
    with terminal(stderr=True).status("looking at every customer of the audience"):
        async with house.database.begin() as connection:
            result = await survey(connection, draft)
            notes = [_when(draft, now), *await _notes(house, connection, draft)]
            notes += [f"[red]{escape(str(wrong))}[/red]" for wrong in await too_long(house, connection, config, found)]
    return [*notes, *_whom(draft, result), *_prospects(draft, result), *_words(draft, result.samples)]


async def about_customer(house: House, config: Config, found: Campaign, customer_no: str, now: datetime) -> list[Any]:
    """One customer: in the audience or not, and each message with its words. Raises ConfigError when there is no such customer."""
    draft = drafted(house, config, found, now)
    async with house.database.begin() as connection:
        person = await profile(connection, customer_no, config.segments, draft.at.astimezone(config.rules.zone).date())
        if person is None:
            raise fault("--customer", await nobody(connection, customer_no))
        told = await fates(connection, draft, customer_no)
        notes = [_when(draft, now), *await _notes(house, connection, draft)]
    if not told:
        segments = ", ".join(sorted(person.segments)) or "no segment"
        return [*notes, f"{customer_no} is not in the audience: it asks for {audience(found.audience)}; the customer is in {segments}"]
    return [*notes, *(part for fate in told for part in _fate(draft, fate))]


def drafted(house: House, config: Config, found: Campaign, now: datetime) -> Draft:
    """The campaign at its next occurrence; at once when it has none to come, or waits for customer events."""
    published = Published(0, config, house.channels)
    following = _next(published, found, now) or Occurrence("now", now, invented_event(config, found))
    return Draft(published, found, following.key, following.at, following.data)


def _next(published: Published, found: Campaign, now: datetime) -> Occurrence | None:
    if found.when.event is not None:
        return None
    for horizon in _HORIZONS:
        coming = occurrences(published.config, found, published.calendar, now, now + horizon)
        if coming:
            return coming[0]
    return None


def _time(draft: Draft, at: datetime) -> str:
    return f"{at.astimezone(draft.published.config.rules.zone):%a %d %b %Y %H:%M}"


def _when(draft: Draft, now: datetime) -> str:
    zone = draft.published.config.rules.timezone
    if draft.campaign.when.event is not None:
        return f"as if the event {draft.campaign.when.event} came now for everybody in the audience ({_time(draft, now)}, {zone})"
    if draft.occurrence == "now":
        return f"[yellow]it has no occurrence to come[/yellow]; judged as if it ran now ({_time(draft, now)}, {zone})"
    return f"at its next occurrence, {_time(draft, draft.at)} ({zone}), judged by what was sent until now"


async def _notes(house: House, connection: Any, draft: Draft) -> list[str]:
    """What holds all of it back, or makes it differ from what is in force."""
    config, found = draft.published.config, draft.campaign
    content = config.content_hash(found.campaign)
    newest = await house.catalog.newest(connection)
    notes = []
    if newest is None:
        notes.append("[yellow]nothing is published yet[/yellow]; `kabar up` or `kabar scheduler` publishes the configuration")
    elif newest.config.contents.get(found.campaign) != content:
        notes.append("[yellow]this is not what is in force[/yellow]: the running daemon has not read these files, or refused them")
    if config.rules.categories[found.category].needs_approval and (found.campaign, content) not in await versions.approvals(connection):
        notes.append(f"[yellow]not approved[/yellow]: nothing goes before `kabar approve {found.campaign} --by NAME`")
    for stop in await versions.pauses(connection):
        held = [name for name in found.channels.names if stop.holds(found.campaign, name)]
        if held:
            notes.append(f"[yellow]stopped on {', '.join(held)}[/yellow] by {escape(f'{stop.set_by}: {stop.reason}')}")
    if then := found.channels.then:
        notes.append(f"{follow_up(then)}; counted here is only what goes at first")
    return notes


def _whom(draft: Draft, result: Preview) -> Iterator[Any]:
    control = f"; {result.control:,} of them are in the control group and get nothing on purpose" if result.control else ""
    yield f"\n[bold]{result.people:,} people[/bold]; the audience is {escape(audience(draft.campaign.audience))}{control}"
    yield _table("people by segment", ("segment", "people"), [(name, f"{n:,}") for name, n in result.segments.items() if n])
    lines = [(share.channel, _variant(draft, share.variant), _window(draft, share.window), f"{share.people:,}") for share in result.shares]
    yield _table("messages", ("channel", "variant", "window", "people"), lines)


def _prospects(draft: Draft, result: Preview) -> Iterator[Any]:
    found = result.prospects
    lines = [(channel, "goes", _time(draft, at), f"{n:,}") for (channel, at), n in sorted(found.goes.items(), key=lambda item: item[0][1])]
    for what, counts in (("waits", found.waits), ("will not go", found.stopped)):
        final = counts is found.stopped
        lines += [(channel, what, _said(draft, reason, final=final), f"{n:,}") for (channel, reason), n in counts.most_common()]
    yield _table("what would happen", ("channel", "", "when or why", "people"), lines)


def _words(draft: Draft, samples: Sequence[Sample]) -> Iterator[Any]:
    for sample in samples:
        if sample.variant >= 0:
            variant, whom = escape(_variant(draft, sample.variant)), escape(sample.customer_no)
            yield f"\n[bold]{sample.channel} to {variant}[/bold], as {whom} would read it"
            yield from _text(sample)


def _text(sample: Sample) -> Iterator[str]:
    if sample.fault:
        yield f"  [red]cannot be filled in:[/red] {escape(sample.fault)}"
    for name, value in sample.fields.items():
        first, *more = _plain(value).split("\n")
        yield escape("\n".join([f"  {name}: {first}", *(f"    {line}" for line in more)]))


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(map(str, value.values()))
    return " | ".join(map(_plain, value)) if isinstance(value, list) else str(value).strip()


def _fate(draft: Draft, fate: Fate) -> Iterator[str]:
    sample = fate.sample
    yield f"\n[bold]{sample.channel}[/bold], {escape(_variant(draft, sample.variant))}"
    yield f"  {_foretold(draft, fate.forecast, sample.channel) if fate.forecast else f'will not go: {_said(draft, CONTROL_GROUP)}'}"
    yield from _text(sample)


def _foretold(draft: Draft, forecast: Forecast, channel: str) -> str:
    match forecast.verdict:
        case Release(by):
            other = f" by {by}" if by != channel else ""
            return f"goes{other} {_time(draft, forecast.at)}, unless a more important message takes its place"
        case Defer(until, reason):
            return f"waits until {_time(draft, until)}: {_said(draft, str(reason))}"
        case Suppress(reason):
            return f"will not go: {_said(draft, str(reason), final=True)}"


def _said(draft: Draft, reason: str, *, final: bool = False) -> str:
    if reason == "no_variant":
        return "no variant of the template speaks to them"
    found: Explanation = explain(
        reason,
        category=draft.campaign.category,
        campaign=draft.campaign.campaign,
        config=draft.published.config,
        other=lambda message_id: f"message {message_id}",
    )
    found = replace(found, text=found.text.removesuffix(": "))
    found = explain_end(found, reason) if final else found
    return escape(f"{found.text} [{found.where}]" if found.where else found.text)


def _variant(draft: Draft, index: int) -> str:
    if index < 0:
        return "no variant"
    variant = draft.published.config.templates[draft.campaign.template].variants[index]
    return " ".join(filter(None, (variant.segment, variant.locale))) or "everybody else"


def _window(draft: Draft, symbol: str) -> str:
    if "window" in draft.published.policy.category(draft.campaign.category).ignore:
        return "any"
    name, hours, _ = draft.published.window(symbol)
    return name if hours is not None else "none"


def _table(title: str, columns: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> Any:
    if not lines:
        return f"[bold]{title}[/bold]: none"
    table = Table(*columns, title=title, title_justify="left", title_style="bold")
    for line in lines:
        table.add_row(*line)
    return table
