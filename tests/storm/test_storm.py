"""A storm in small: a thousand messages over all channels, every kind of fault, on a virtual clock."""

from __future__ import annotations

import io
import os, time
import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from pydantic import SecretStr

from channels.registry import CHANNELS
from channels.sandbox.server import Sandbox
from channels.sandbox.webhooks import Receipts
from config.logging import configure_logging
from config.settings import HttpSettings, Settings
from jobs.catalog import Catalog
from jobs.clock import VirtualClock
from jobs.house import House
from jobs.links import Signer
from jobs.receipts import apply_receipts
from scheduler.drive import drive
from store.engine import Database
from tests.channels.discovery import faults as schema_faults
from tests.http.conftest import serving
from tests.storm import books, scene
from tests.storm.judge import discrepancies
from tests.storm.played import App, Operator
from tests.world import at, configure, rows, sending

PEOPLE = 200
TT=[]
START = at("2026-11-20 10:00")
END = START + timedelta(hours=3)
PATIENCE = {f"KABAR_{name}__{key}": value for name in ("PUSH", "WHATSAPP", "EMAIL") for key, value in {"DEADLINE": os.environ.get("DL","1"), "RATE": os.environ.get("RT","1000"), "CONCURRENCY": "100"}.items()}


async def test_every_message_of_a_storm_ends_in_a_final_and_correct_state(database: Database, tmp_path: Path) -> None:
    clock = VirtualClock(START - timedelta(minutes=2))
    settings = Settings(http=HttpSettings(port=0, api_key=SecretStr("storm")), stop_grace=1)
    house = House(settings, database, clock, CHANNELS, Catalog(CHANNELS), signer=Signer(b"storm"), chance=Random(1))
    await scene.populate(database, PEOPLE)
    receipts = Receipts(0.9, 0.5, copies=3, shuffled=True)
    async with Sandbox(
        credentials_file=tmp_path / "key.json", log_file=tmp_path / "sandbox.jsonl", now=clock.now, receipts=receipts, webhook_pause=0.01
    ) as provider, sending(house, provider, **PATIENCE, **{n: v for n, v in provider.environment().items() if "APP_SECRET" in n}) as (house, send):
        from tests.world import environment
        with environment(provider.environment()):
            async with serving(house) as web:
                provider.webhooks.url = str(web._base_url).rstrip("/") + "/v1/receipts/whatsapp"
                await configure(house, scene.files(START, "2h"))
                provider.faults.replace(scene.faults(0.05))
                app, operator = App(tmp_path / "sandbox.jsonl", tmp_path / "app.jsonl", web, Random(2)), Operator()

                async def all_around() -> None:
                    t=time.perf_counter(); await send(); TT.append(time.perf_counter()-t)
                    await app.report(clock.now())
                    await provider.webhooks.settled()

                async def step(now: datetime) -> None:
                    await operator.look(house)

                await drive(house, clock, END, all_around, step, longest=timedelta(minutes=5))
    our, their = await books.ours(database), books.theirs(tmp_path / "sandbox.jsonl", tmp_path / "app.jsonl")
    from collections import Counter
    print(Counter((m.channel, m.status) for m in our.messages), operator.lifted)
    found = discrepancies(our, their)
    print(len(found), [round(x,1) for x in TT], sum(TT))
    print("\n".join(found))
    assert not found
