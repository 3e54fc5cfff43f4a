"""A recognisable customer goes the whole way, with everything failing that can, at log level debug: nothing of them is in the log."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from channels.base import Envelope, Outcome
from channels.sandbox.faults import Rule
from config.logging import configure_logging
from config.settings import HttpSettings, Settings
from jobs.clock import VirtualClock
from jobs.customers import import_customers
from jobs.house import House
from jobs.queue import drain, make_app
from scheduler.ticks import guarded
from store.statements import run, sql
from tests.core.conftest import Stage
from tests.http.conftest import serving
from tests.world import ALL_CHANNELS, campaign, configure, files, now_only, rows, sandbox, sending

NAME, MAIL, PHONE, TOKEN = "Kenari Emaswati", "kenari.emas@contoh.example", "+6281298765432", "kenari-perangkat-1"
SECRETS = {"KABAR_WHATSAPP__TOKEN": "KenariSandiWa", "KABAR_WHATSAPP__APP_SECRET": "KenariRahasiaApp"}
API_KEY, SIGNING = "KenariKunciApi", "KenariTandaTangan"
# Any part of a value is one too many.
CANARIES = ("kenari", "emaswati", "contoh.example", "81298765432", "9876", "alasan rahasia", "jalan cendrawasih")
FILE = f"""customer_no,name,email,phone,push_tokens,portfolio_value,alamat
C000001,{NAME},{MAIL},{PHONE},android:token:{TOKEN},1000000,Jalan Cendrawasih 7
C000002,{NAME},not.an.address@@kenari,0812-9876-5432-9876-5432,,lots,Jalan Cendrawasih 8
"""


class Raising:
    """An adapter with a fault of its own, which quotes all it was given."""

    async def start(self) -> None:
        """Nothing to open."""

    async def send(self, envelope: Envelope) -> Outcome:
        raise RuntimeError(f"cannot send to {envelope.address} what greets {MAIL}")

    async def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
def log(own_logging: None) -> io.StringIO:
    stream = io.StringIO()
    configure_logging(Settings(log_level="debug", log_format="json"), stream)
    return stream


@pytest.fixture
async def watched(house: House, clock: VirtualClock, tmp_path: Path, log: io.StringIO) -> AsyncIterator[Stage]:
    settings = Settings(http=HttpSettings(port=0, api_key=SecretStr(API_KEY), signing_key=SecretStr(SIGNING)))
    async with sandbox(tmp_path, clock) as provider, sending(replace(house, settings=settings), provider, **SECRETS) as (able, send):
        yield Stage(able, clock, provider, send)


async def _break(house: House, now: datetime) -> None:
    """A statement that fails on the customer's own row."""
    async with house.database.begin() as connection:
        await run(connection, sql("INSERT INTO people (customer_no, name) VALUES ('C000001', :name)"), name=NAME)


async def _raise(house: House, clock: VirtualClock) -> None:
    raising = {name: replace(account, adapter=Raising()) for name, account in house.accounts.items()}
    broken = replace(house, accounts=raising)
    app = make_app(broken)

    async def send() -> None:
        await drain(app, sorted(raising), 4)

    async with app.open_async():
        await now_only(broken, clock, send)


async def _knock(house: House) -> None:
    """Callers with the right and the wrong key, and a body that is none."""
    async with serving(house) as web:
        event = {"event": "kyc.rejected", "customer_no": "C000001", "data": {"reason": f"alasan rahasia {PHONE}"}, "event_id": "e1"}
        for key, body in ((API_KEY, json.dumps(event)), (SIGNING, json.dumps(event)), (API_KEY, f"{{{MAIL}")):
            headers = {"X-API-Key": key, "Content-Type": "application/json"}
            async with web.post("/v1/events", data=body, headers=headers) as answer:
                await answer.read()
        async with web.get(f"/u/{TOKEN}") as answer:
            await answer.read()


async def test_nothing_of_a_customer_and_no_secret_is_in_the_log(watched: Stage, log: io.StringIO, tmp_path: Path) -> None:
    house = watched.house
    (tmp_path / "kenari.csv").write_text(FILE)
    report = await import_customers(
        house.database, tmp_path / "kenari.csv", now=house.clock.now(), today=house.clock.now().date(), progress=lambda done, total: None
    )
    assert (report.inserted, report.rejected) == (1, 1)
    everywhere = {"audience": "everyone", "channels": f"[{', '.join(ALL_CHANNELS)}]", "category": "service"}
    await configure(house, files(campaign(**everywhere), campaign("told", **everywhere | {"when": "{event: kyc.rejected}"})))
    for rule in (
        Rule(channel="push", kind="UNREGISTERED", times=1),
        Rule(channel="whatsapp", kind="drop_after", times=1),
        Rule(channel="email", kind="550", times=1),
    ):
        watched.provider.faults.add(rule)
    await watched.until("2026-11-20 18:50")
    await _knock(house)
    await _raise(house, watched.clock)
    assert not await guarded(house, "plan", _break)
    found = await rows(house.database, "SELECT channel, status FROM messages")
    assert len(found) >= 4
    text = log.getvalue()
    assert "tick.failed" in text
    assert "run.planned" in text
    assert "message.adapter_raised" in text
    assert [canary for canary in CANARIES if canary in text.lower()] == []
