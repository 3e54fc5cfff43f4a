"""A weekend that the house really played, in one database; and what rewrites its history."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

from channels.registry import CHANNELS
from config.settings import Settings
from jobs.catalog import Catalog
from jobs.clock import VirtualClock
from jobs.house import House
from jobs.interactions import Interaction, interact
from jobs.links import Signer
from jobs.popups import offer
from scheduler.drive import Send
from store.engine import Database
from tests.world import TEMPLATE, at, campaign, configure, files, person, play, sandbox, sending

RULES = """
windows: {after-office: {weekdays: "19:00-21:30", weekends: "10:00-21:30"}}
segment_windows: {regular: after-office}
personal_channels: [whatsapp]
overlap:
  gap: 2h
  same_topic: 3d
  popup_gap: 2m
  caps:
    - {channel: push, max: 1, per: day}
    - {channel: whatsapp, max: 2, per: 7d}
    - {category: promo, max: 1, per: week}
    - {max: 8, per: month}
    - {max: 4, per: 24h}
    - {channel: email, category: reminder, max: 0, per: day}
categories:
  service: {priority: 100, ignore: [window, gap, caps, topic]}
  reminder: {priority: 50}
  notice: {priority: 40, counts_in_caps: false, digest: {within: 12h, template: news}}
  promo: {priority: 10, offer: true}
  alert: {priority: 90, ignore: [window, gap, caps, topic], counts_in_caps: false}
"""
NEWS = """
template: news
variants: [{email: {subject: "{{ digest.count }} kabar", body: "{{ digest.lines }}"}}]
"""
TWO_WAYS = "{first: [whatsapp], then: {channel: email, after: 1h, unless: read}}"
CAMPAIGNS = (
    campaign("class", channels="[push, popup]", topic="class"),
    campaign("note-a", category="notice", channels="[email]", when='{at: "2026-11-20 18:50"}'),
    campaign("note-b", category="notice", channels="[email]", when='{at: "2026-11-20 18:55"}'),
    campaign("app", category="service", channels="[popup]", when='{at: "2026-11-20 19:10"}'),
    campaign("alert", category="alert", channels=TWO_WAYS, when='{at: "2026-11-20 22:30"}'),
    campaign("offer", category="promo", channels="[whatsapp]", when='{at: "2026-11-21 09:00"}'),
    campaign("choice", channels="{first: [whatsapp, push]}", topic="fees", when='{at: "2026-11-21 11:00"}', control="{share: 40%}"),
)
PEOPLE = [f"C{number:06}" for number in range(1, 7)]


def _held_out(customer_no: str) -> bool:
    return int(hashlib.md5(f"choice:{customer_no}".encode()).hexdigest()[:8], 16) % 10_000 < 4_000


CONTROL = next(number for number in PEOPLE if _held_out(number))
SOMEBODY, OTHER = [number for number in PEOPLE if not _held_out(number)][:2]


async def weekend(database: Database, folder: Path) -> None:
    """Friday 18:30 to Saturday 13:00, by the real path; the pop-ups of one customer are shown, well apart."""
    clock = VirtualClock(at("2026-11-20 18:30"))
    house = House(Settings(), database, clock, CHANNELS, Catalog(CHANNELS), signer=Signer(b"test"), chance=Random(1))
    for number, _ in enumerate(PEOPLE, 1):
        await person(database, number)
    await configure(house, files(*CAMPAIGNS, rules=RULES, template=TEMPLATE) | {"templates/news.yaml": NEWS})
    async with sandbox(folder, clock) as provider, sending(house, provider) as (able, send):
        await play(able, clock, at("2026-11-20 19:05"), send)
        await _seen(able, clock, send)
        await play(able, clock, at("2026-11-20 19:20"), send)
        await _seen(able, clock, send)
        await play(able, clock, at("2026-11-21 13:00"), send)


async def _seen(house: House, clock: VirtualClock, send: Send) -> None:
    """One customer's app asks, shows what it is given, and closes it after a minute."""
    who = PEOPLE.index(SOMEBODY) + 1
    given = await offer(house, who, "app_open", clock.now())
    assert given.item is not None
    for kind in ("impression", "dismiss"):
        await interact(house, who, [Interaction(str(uuid4()), f"kabar-{given.item.message_id}", kind, clock.now())], clock.now())
        await play(house, clock, clock.now() + timedelta(minutes=1), send)


def message(name: str, channel: str, customer_no: str = SOMEBODY, /) -> str:
    """SQL for the id of a customer's message of a campaign."""
    return f"""(SELECT m.id FROM messages m JOIN runs r ON r.id = m.run_id JOIN people p ON p.id = m.person_id
                WHERE r.campaign = '{name}' AND m.channel = '{channel}' AND p.customer_no = '{customer_no}'
                  AND r.occurrence NOT LIKE 'planted%')"""


def change(name: str, channel: str, customer_no: str = SOMEBODY, /, **columns: str) -> str:
    """Rewrites a message. columns: SQL."""
    written = ", ".join(f"{column} = {value}" for column, value in columns.items())
    return f"UPDATE messages SET {written} WHERE id = {message(name, channel, customer_no)}"


def move(name: str, channel: str, local: str, customer_no: str = SOMEBODY) -> str:
    """Released and sent at another moment, by Jakarta's clocks."""
    moment = f"timestamptz '{at(local).isoformat()}'"
    return change(name, channel, customer_no, released_at=moment, sent_at=moment)


def another(name: str, channel: str, local: str, /, *, same_run: bool = False, run: str = "{}", **columns: Any) -> str:
    """A copy of a message, released and sent at a moment; in a run of its own unless it is to be the same. run, columns: JSON values."""
    moment = at(local).isoformat()
    values = json.dumps({"released_at": moment, "sent_at": moment} | columns)
    made = f"""INSERT INTO runs OVERRIDING SYSTEM VALUE
        SELECT (jsonb_populate_record(r, jsonb '{run}' || jsonb_build_object(
                  'id', nextval('runs_id_seq'), 'occurrence', 'planted-' || nextval('chunks')))).*
        FROM runs r JOIN messages m ON m.run_id = r.id WHERE m.id = {message(name, channel)} RETURNING id"""
    if same_run:
        made = f"SELECT run_id AS id FROM messages WHERE id = {message(name, channel)}"
    return f"""WITH made AS ({made})
        INSERT INTO messages OVERRIDING SYSTEM VALUE
        SELECT (jsonb_populate_record(m, jsonb '{values}' || jsonb_build_object('id', nextval('messages_id_seq'), 'run_id', made.id))).*
        FROM messages m, made WHERE m.id = {message(name, channel)}"""
