"""`kabar preview` says who would get a campaign, in which words, and what would stop it, and changes nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import text

from config.loader import Config, parse
from config.problems import ConfigError
from console.cli.preview import about, about_customer
from jobs.house import House
from scheduler.bootstrap import contents
from tests.conftest import JAKARTA
from tests.world import campaign, configure, files, person, rows

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=JAKARTA)
GIFT = campaign("gift", category="promo", channels="[push, email]", audience="{any: [regular], not: [hnwi]}")
LATER = timedelta(hours=6)


def read(house: House, *campaigns: str, **changes: Any) -> Config:
    return parse(files(*campaigns, **changes), contents(house.channels))


async def page(house: House, config: Config, name: str, customer: str | None = None, now: datetime = NOON) -> str:
    found = config.campaigns[name]
    parts = await (about(house, config, found, now) if customer is None else about_customer(house, config, found, customer, now))
    out = StringIO()
    console = Console(width=160, file=out)
    for part in parts:
        console.print(part, highlight=False)
    return out.getvalue()


def line(found: str, *words: str) -> bool:
    """Whether some line has all of the words."""
    return any(all(word in each for word in words) for each in found.splitlines())


async def test_it_counts_whom_it_reaches_and_why_it_does_not_reach_others(house: House) -> None:
    for number in range(1, 4):
        await person(house.database, number)
    await person(house.database, 4, consents={})
    await person(house.database, 5, sorts=("push",))
    await person(house.database, 6, portfolio_value=900_000_000)
    told = await page(house, read(house, GIFT), "gift")
    assert "5 people" in told
    assert line(told, "regular", "5")
    assert line(told, "push", "goes", "Fri 20 Nov 2026 19:00", "4")
    assert line(told, "push", "will not go", "no marketing consent for push", "config/rules.yaml:11", "1")
    assert line(told, "email", "will not go", "no address that works for email", "1")
    assert "push to everybody else, as C000001 would read it" in told
    assert "title: Halo Budi" in told
    assert "Ada kabar untukmu." in told
    assert "not approved" in told
    assert "nothing is published yet" in told


async def test_a_draft_says_that_it_is_not_what_is_in_force(house: House) -> None:
    await person(house.database, 1)
    await configure(house, files(GIFT.replace("owner: ", "owner: the-new-")))
    assert "this is not what is in force" in await page(house, read(house, GIFT), "gift")


async def test_it_writes_nothing(house: House) -> None:
    await person(house.database, 1)
    await page(house, read(house, GIFT), "gift")
    assert await rows(house.database, "SELECT 1 FROM messages UNION ALL SELECT 1 FROM runs UNION ALL SELECT 1 FROM versions") == []


async def test_what_is_in_force_and_approved_needs_no_remark(house: House) -> None:
    await person(house.database, 1)
    await configure(house, files(GIFT))
    told = await page(house, read(house, GIFT), "gift")
    assert "not approved" not in told
    assert "in force" not in told


async def test_a_stop_is_told(house: House) -> None:
    async with house.database.begin() as connection:
        words = "INSERT INTO pauses (campaign, channel, reason, set_by, set_at) VALUES ('gift', NULL, 'typo', 'dewi', now())"
        await connection.execute(text(words))
    assert "stopped on push, email by dewi: typo" in await page(house, read(house, GIFT), "gift")


async def test_one_customer_is_told_whether_and_what(house: House) -> None:
    await person(house.database, 1, sorts=("push",))
    told = await page(house, read(house, GIFT), "gift", "C000001")
    assert line(told, "goes Fri 20 Nov 2026 19:00, unless a more important message takes its place")
    assert line(told, "will not go: no address that works for email")
    assert "subject: Halo Budi" in told


async def test_a_customer_outside_the_audience_is_told_so(house: House) -> None:
    await person(house.database, 1, portfolio_value=900_000_000)
    told = await page(house, read(house, GIFT), "gift", "C000001")
    assert "C000001 is not in the audience: it asks for any of regular; none of hnwi; the customer is in hnwi" in told


async def test_an_unknown_customer_is_named(house: House) -> None:
    with pytest.raises(ConfigError, match='there is no customer "C000009"'):
        await page(house, read(house, GIFT), "gift", "C000009")


async def test_a_business_event_fills_in_its_own_data(house: House) -> None:
    await person(house.database, 1)
    template = 'template: hello\nvariants: [{push: {title: "{{ event.title }}", body: "jam {{ event.at | jam }}"}}]'
    config = read(house, campaign("class", when="{before: class, by: 1h}"), template=template)
    told = await page(house, config, "class")
    assert "at its next occurrence, Fri 20 Nov 2026 19:00" in told
    assert "title: Kelas" in told


async def test_a_campaign_of_a_customer_event_is_judged_as_if_it_came_now(house: House) -> None:
    await person(house.database, 1)
    config = read(house, campaign("kyc", when="{event: kyc.rejected}", category="service"))
    told = await page(house, config, "kyc")
    assert "as if the event kyc.rejected came now for everybody" in told
    assert line(told, "push", "goes", "Fri 20 Nov 2026 12:00", "1")


async def test_a_campaign_that_is_over_says_so(house: House) -> None:
    await person(house.database, 1)
    assert "it has no occurrence to come" in await page(house, read(house, GIFT), "gift", now=NOON + 2 * LATER)


async def test_what_may_follow_is_said_and_not_counted(house: House) -> None:
    await person(house.database, 1)
    await person(house.database, 2, sorts=("email",))
    two_ways = "{first: [push], then: {channel: email, after: 2h, unless: read}}"
    told = await page(house, read(house, campaign("letter", channels=two_ways)), "letter")
    assert "email follows after 2h, unless it was read; counted here is only what goes at first" in told
    assert line(told, "push", "goes", "1")
    assert line(told, "email", "goes", "1")
