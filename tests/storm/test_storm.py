"""A storm in small: a thousand messages over all channels, every kind of fault, on a virtual clock."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from channels.sandbox.server import Sandbox
from channels.sandbox.webhooks import Receipts
from jobs.clock import VirtualClock
from jobs.house import House
from scheduler.drive import Send, drive
from tests.channels import discovery
from tests.storm import books, scene
from tests.storm.judge import discrepancies
from tests.storm.played import SETTINGS, App, Operator, face
from tests.world import at, configure, environment, sending

PEOPLE = 200
START, END = at("2026-11-20 10:00"), at("2026-11-20 10:45")
SHARE = 0.05


async def test_every_message_of_a_storm_ends_in_a_final_and_correct_state(house: House, tmp_path: Path) -> None:
    clock = VirtualClock(START - timedelta(minutes=2))
    house = replace(house, clock=clock, settings=SETTINGS)
    await scene.populate(house.database, PEOPLE)
    logs = tmp_path / "sandbox.jsonl", tmp_path / "app.jsonl"
    news = Receipts(0.9, 0.5, copies=3, shuffled=True)
    operator = Operator()
    async with Sandbox(
        credentials_file=tmp_path / "key.json", log_file=logs[0], now=clock.now, receipts=news, webhook_pause=0.01
    ) as provider:
        provider.faults.replace(scene.faults(SHARE))
        async with sending(house, provider, **scene.patience(deadline=0.6, rate=2000)) as (able, send):
            with environment(provider.environment()):
                async with face(able) as address:
                    provider.webhooks.url = f"{address}/v1/receipts/whatsapp"
                    await configure(able, scene.files(START, "40m"))
                    await _play(able, clock, provider, send, App(*logs, address, Random(2)), operator)
    our, their = await books.ours(house.database), books.theirs(*logs)
    assert discrepancies(our, their) == []
    _nothing_was_left_out(our, operator)
    bodies = [json.loads(delivery.raw) for delivery in provider.deliveries if delivery.channel == "push"]
    assert bodies
    assert [fault for body in bodies for fault in discovery.faults(body, "SendMessageRequest")] == []


async def _play(house: House, clock: VirtualClock, provider: Sandbox, send: Send, app: App, operator: Operator) -> None:
    async def all_around() -> None:
        await send()
        await app.report(clock.now())
        async with asyncio.timeout(30):
            await provider.webhooks.settled()

    async def lift(now: datetime) -> None:
        await operator.look(house)

    await drive(house, clock, END, all_around, lift, longest=timedelta(minutes=5))


def _nothing_was_left_out(our: books.Ours, operator: Operator) -> None:
    """The storm was one: every state a message can end in was reached, and stops were set and lifted."""
    ends = Counter(message.status for message in our.messages)
    assert ends.total() == PEOPLE * scene.MESSAGES_A_PERSON
    assert {"sent", "delivered", "read", "failed", "unknown"} <= ends.keys()
    assert sum(message.reason == "confirmed_by_receipt" for message in our.messages) > 0
    assert any(message.maybe_duplicate for message in our.messages)
    assert len(our.dead) > 10
    assert our.opted_out
    assert len(operator.lifted) > 3
