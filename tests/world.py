"""A small world for tests: a configuration in a few lines, people, and a house with the sandbox on the other end."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, insert, text

from channels.sandbox.server import Sandbox
from config.loader import parse
from jobs.clock import VirtualClock
from jobs.house import House
from jobs.queue import drain, make_app
from scheduler.accounts import open_accounts
from scheduler.bootstrap import contents, publish
from scheduler.drive import Send, drive, settle
from store import tables, versions
from store.engine import Database

RULES = """
windows:
  after-office: {weekdays: "19:00-21:30", weekends: "10:00-21:30"}
  any-time: always
segment_windows: {regular: after-office}
overlap: {gap: 2h, same_topic: 3d, caps: [{channel: push, max: 1, per: day}]}
categories:
  service: {priority: 100, ignore: [window, gap, caps], on_unknown: resend}
  reminder: {priority: 50}
  info: {priority: 30}
  promo: {priority: 10, offer: true}
"""
SEGMENTS = "segments: {regular: portfolio_value < 500000000, hnwi: portfolio_value >= 500000000}"
EVENTS = """
business: {class: [{at: "2026-11-20 20:00", title: Kelas}]}
customer: {kyc.updated: {}, kyc.rejected: {data: [reason]}}
"""
TEMPLATE = """
template: hello
variants:
  - push: {title: "Halo {{ first_name }}", body: "Ada kabar untukmu."}
    popup: {title: "Halo {{ first_name }}", body: "Ada kabar untukmu."}
    email: {subject: "Halo {{ first_name }}", body: "Ada **kabar** untukmu."}
    whatsapp: {name: hello, parameters: ["{{ first_name }}"], text: "Halo {{ first_name }}"}
"""


WHATSAPP = 'templates: [{name: hello, language: id, category: marketing, body: "Halo {{1}}"}]'


def campaign(name: str = "hello", **changes: object) -> str:
    """One campaign file; a key given as a keyword replaces the usual one."""
    keys: dict[str, object] = {
        "campaign": name,
        "category": "reminder",
        "audience": "{any: [regular]}",
        "channels": "[push]",
        "when": '{at: "2026-11-20 18:45"}',
        "template": "hello",
        "owner": "marcomm",
    } | changes
    return "\n".join(f"{key}: {value}" for key, value in keys.items() if value is not None)


def files(*campaigns: str, rules: str = RULES, template: str = TEMPLATE) -> dict[str, str]:
    """A configuration of the given campaign files."""
    return {
        "rules.yaml": rules,
        "segments.yaml": SEGMENTS,
        "events.yaml": EVENTS,
        **({"whatsapp-templates.yaml": WHATSAPP} if template == TEMPLATE else {}),
        "templates/hello.yaml": template,
        **{f"schedules/c{number}.yaml": text for number, text in enumerate(campaigns)},
    }


async def configure(house: House, written: Mapping[str, str], *, approve: bool = True) -> int:
    """Publish a configuration, approved as it stands, and look at every campaign once so that none is new."""
    config = parse(written, contents(house.channels))
    version = await publish(house, config)
    if approve:
        async with house.database.begin() as connection:
            for name in config.campaigns:
                await versions.approve(connection, campaign=name, content_hash=config.content_hash(name), by="qa", now=house.clock.now())
    return version


ALL_CHANNELS = ("push", "whatsapp", "email", "popup")


async def person(database: Database, number: int, *, sorts: tuple[str, ...] = ("push", "phone", "email"), **changes: Any) -> int:
    """One customer who agreed to everything and is reachable everywhere; returns the id."""
    consents = {name: {"marketing": True, "hours": "always"} for name in ALL_CHANNELS}
    values = {
        "customer_no": f"C{number:06}",
        "name": f"Budi Santoso {number}",
        "portfolio_value": 1_000_000,
        "consents": consents,
    } | changes
    async with database.begin() as connection:
        person_id = (await connection.execute(insert(tables.people).values(**values).returning(tables.people.c.id))).scalar_one()
        for sort, kind, value in addresses_of(number):
            if sort in sorts:
                await connection.execute(
                    insert(tables.addresses).values(person_id=person_id, sort=sort, kind=kind, value=value, platform="android")
                )
    return int(person_id)


def addresses_of(number: int) -> list[tuple[str, str, str]]:
    return [
        ("push", "token", f"token-{number}"),
        ("phone", "phone", f"+62812000{number:05}"),
        ("email", "email", f"c{number}@example.com"),
    ]


async def rows(database: Database, statement: str, **values: Any) -> list[Row[Any]]:
    async with database.engine.connect() as connection:
        return list((await connection.execute(text(statement), values)).all())


async def statuses(database: Database) -> list[tuple[str, str, str, str | None]]:
    """(customer number, channel, status, reason), sorted."""
    found = await rows(
        database,
        "SELECT p.customer_no, m.channel, m.status, m.reason FROM messages m JOIN people p ON p.id = m.person_id ORDER BY 1, 2, m.id",
    )
    return [(row.customer_no, row.channel, row.status, row.reason) for row in found]


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Settings as an operator would set them."""
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            os.environ.pop(name, None)


@asynccontextmanager
async def sending(house: House, sandbox: Sandbox, **settings: str) -> AsyncIterator[tuple[House, Send]]:
    """The house with all channels open towards the sandbox, and what works its queues until they are empty."""
    with environment(sandbox.environment() | settings):
        house = replace(house, accounts=await open_accounts(house))
    app = make_app(house)

    async def send() -> None:
        await drain(app, sorted(house.accounts), 4)

    try:
        async with app.open_async():
            yield house, send
    finally:
        for account in house.accounts.values():
            await account.adapter.close()


async def play(house: House, clock: VirtualClock, until: datetime, send: Send) -> None:
    async def nothing(now: datetime) -> None:
        return

    await drive(house, clock, until, send, nothing)


async def now_only(house: House, clock: VirtualClock, send: Send) -> None:
    """Everything that can happen at this moment."""
    await settle(house, clock, send)


@asynccontextmanager
async def sandbox(path: Path, clock: VirtualClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(credentials_file=path / "service-account.json", now=clock.now) as running:
        yield running


def at(local: str) -> datetime:
    """A moment by Jakarta's clocks: `2026-11-20 19:00`."""
    return datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Asia/Jakarta"))
