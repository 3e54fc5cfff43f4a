"""send-test: one campaign to one address of the operator's own, past valve and reservoir."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Annotated

import typer

from channels.base import Address, Channel, Envelope, Outcome, Sent
from config.loader import Config
from config.models import Campaign
from config.printable import printable
from config.settings import Settings
from config.templates import Variant
from config.templating import RenderError
from console.cli.common import fault, invented_event, known, nobody, operator, pairs
from console.cli.guard import run
from jobs.catalog import Published
from jobs.house import Account, House
from jobs.links import NOBODY
from jobs.render import Renderer
from jobs.settlement import outcome_row
from jobs.trials import lay_ready
from scheduler.accounts import open_accounts
from scheduler.bootstrap import open_house, read_config
from store import ticks
from store.profile import Profile, profile

_KINDS = {"push": "token"}  # an address kind is named like its sort, but for these
_WHITHER = "user@example.com, +62812…, a push token; for a pop-up the customer whose app shows it."
_NOBODY = Profile("TEST-0001", "Budi Santoso", "id", {}, frozenset())


def send_test(
    campaign: Annotated[str, typer.Argument(help="Name of the campaign.", show_default=False)],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="ADDRESS",
            help=_WHITHER,
            show_default=False,
        ),
    ],
    channel: Annotated[str | None, typer.Option("--channel", help="Default: by the shape of the address.")] = None,
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="NO", help="For whom it is filled in; default: an invented one.")
    ] = None,
    data: Annotated[list[str] | None, typer.Option("--data", metavar="K=V", help="Data of the event it is about.")] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it, for the audit log.")] = None,
) -> None:
    """Send a campaign as it stands in KABAR_CONFIG_DIR to one address, at once and outside all rules. The customer gets nothing."""
    outcome = run(_send_test(Settings.read(), campaign, to.strip(), channel, customer, pairs(data or []), by or operator()))
    kind, code, provider_id = outcome_row(outcome)
    detail = "" if isinstance(outcome, Sent) else outcome.detail
    typer.echo(printable(": ".join(filter(None, (kind, code or provider_id, detail)))))
    if not isinstance(outcome, Sent):
        raise typer.Exit(1)


async def _send_test(
    settings: Settings, name: str, to: str, channel: str | None, customer: str | None, data: Mapping[str, str], by: str
) -> Outcome:
    config = read_config(settings.config_dir)
    campaign = config.campaigns[known("campaign", name, config.campaigns)]
    async with open_house(settings) as house:
        carrier = _channel(house, campaign, to, channel)
        in_the_app = carrier.addresses is None
        who = await _who(house, config, customer or (to if in_the_app else None))
        envelope = _envelope(house, config, campaign, carrier, to, who, data)
        account = await _account(house, carrier)
        try:
            outcome = await account.adapter.send(envelope)
            if in_the_app and isinstance(outcome, Sent):
                outcome = Sent(await lay_ready(house, to, campaign.campaign, envelope.message_id))
        finally:
            await account.adapter.close()
        await _record(house, campaign, carrier, outcome, by)
        return outcome


def sort_of(address: str) -> str:
    """What an address is, by its shape."""
    if "@" in address:
        return "email"
    return "phone" if address.startswith("+") else "push"


def _channel(house: House, campaign: Campaign, to: str, wanted: str | None) -> Channel:
    if wanted is not None:
        known("channel", wanted, campaign.channels.names)
        return house.channels[wanted]
    sort = sort_of(to)
    fitting = [house.channels[name] for name in campaign.channels.names if house.channels[name].addresses == sort]
    if not fitting and sort == "push":  # it may as well be a customer number, whose app gets it
        fitting = [house.channels[name] for name in campaign.channels.names if house.channels[name].addresses is None]
    if not fitting:
        has = ", ".join(campaign.channels.names)
        raise fault("--to", f"this looks like an address for {sort}, and {campaign.campaign} goes by {has}; --channel chooses one of them")
    return fitting[0]


async def _who(house: House, config: Config, customer: str | None) -> Profile:
    if customer is None:
        return _NOBODY
    today = house.clock.now().astimezone(config.rules.zone).date()
    async with house.database.begin() as connection:
        found = await profile(connection, customer, config.segments, today)
        if found is None:
            way_out = "a pop-up needs one, all else can be filled in with an invented one"
            raise fault("--customer", await nobody(connection, customer, way_out))
    return found


def _envelope(
    house: House, config: Config, campaign: Campaign, channel: Channel, to: str, who: Profile, data: Mapping[str, str]
) -> Envelope:
    now = house.clock.now()
    row = SimpleNamespace(
        id=-secrets.randbelow(2**40) - 1,  # no message has it, so that no receipt finds one; and no two tests collapse into one
        person_id=NOBODY,  # whoever follows the unsubscribe link of a test opts nobody out
        version_id=0,
        campaign=campaign.campaign,
        category=campaign.category,
        priority=config.rules.categories[campaign.category].priority,
        variant=_variant(config, campaign, channel, who),
        expires_at=now + campaign.expires,
        name=who.name,
        customer_no=who.customer_no,
        locale=who.locale,
        attributes=who.attributes,
        event_data=None,
        run_data={**invented_event(config, campaign), **data},
    )
    try:
        address = _address(channel, to) if channel.addresses else None
        return Renderer(house, {0: Published(0, config, house.channels)}).envelope(row, channel, address, now)
    except RenderError as error:
        raise fault(campaign.campaign, f"cannot be filled in: {error}; --data gives what its event would carry") from None


def _address(channel: Channel, to: str) -> Address:
    sort = str(channel.addresses)
    value = re.sub(r"[ .()-]", "", to) if sort == "phone" else to
    if sort == "phone" and not re.fullmatch(r"\+\d{7,15}", value):
        raise fault("--to", "this is not a phone number; write it in full, such as +62 812 3456 7890")
    return Address(0, _KINDS.get(sort, sort), value)


def _variant(config: Config, campaign: Campaign, channel: Channel, who: Profile) -> int:
    """The variant this person would get; of the invented one, who is in no segment, the last that has the channel."""

    def fits(variant: Variant) -> bool:
        return variant.segment in (None, *who.segments) and variant.locale in (None, who.locale)

    spoken = [(index, item) for index, item in enumerate(config.templates[campaign.template].variants) if channel.name in item.channels]
    fitting = [index for index, item in spoken if fits(item)]
    if not fitting and who is not _NOBODY:
        raise fault("--customer", f"no variant of {campaign.template} speaks to {who.customer_no} on {channel.name}")
    return fitting[0] if fitting else spoken[-1][0]


async def _account(house: House, channel: Channel) -> Account:
    opened = await open_accounts(replace(house, channels={channel.name: channel}))
    if not opened:
        missing = ", ".join(channel.missing(channel.settings.read()))
        raise fault(channel.name, f"is not configured in this environment; it needs {missing} (`kabar sandbox` prints what fits it)")
    chosen = opened.pop(channel.name, None) or opened.popitem()[1]
    for other in opened.values():
        await other.adapter.close()
    return chosen


async def _record(house: House, campaign: Campaign, channel: Channel, outcome: Outcome, by: str) -> None:
    kind, code, provider_id = outcome_row(outcome)
    detail = {"campaign": campaign.campaign, "channel": channel.name, "outcome": kind, "code": code, "provider_id": provider_id}
    async with house.database.begin() as connection:
        await ticks.record(connection, actor=by, action="send_test", detail=detail, now=house.clock.now())
