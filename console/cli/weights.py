"""Words that are too long for a provider, at the line they are written on."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from config.loader import Config
from config.models import Campaign
from config.problems import Problem
from config.source import read
from console.cli.common import invented_event
from jobs.catalog import Published
from jobs.house import House
from jobs.weights import Excess, excesses


async def too_long(house: House, connection: AsyncConnection, config: Config, campaign: Campaign) -> list[Problem]:
    """One for each variant and channel that does not fit the longest names and values of the campaign's audience."""
    event = invented_event(config, campaign)
    found = await excesses(connection, Published(0, config, house.channels), campaign, event, house.clock.now())
    return [_problem(config, campaign, excess) for excess in found]


def _problem(config: Config, campaign: Campaign, excess: Excess) -> Problem:
    words = f"{excess.channel} with the longest values of this audience: {excess.words}"
    shown = config.where("template", campaign.template).rpartition(":")[0]
    text = next(text for path, text in config.files.items() if shown.endswith(path))
    source = read(shown, text, [])
    if source is None:
        raise AssertionError("a configuration in force is readable")
    return source.problem(("variants", excess.variant, excess.channel), words, key=True)
