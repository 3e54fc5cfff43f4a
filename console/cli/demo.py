"""`kabar demo`: one weekend of the example, Friday evening to Sunday noon, on a virtual clock through the real path."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from channels.sandbox.faults import Rule
from channels.sandbox.server import Sandbox
from config.logging import configure_logging
from config.problems import ConfigError, Problem
from config.settings import Settings
from console.cli.common import screen
from console.cli.demo_report import report
from console.cli.guard import run
from console.cli.sandbox_templates import approved_templates
from console.http.serve import serve
from jobs.catalog import Published
from jobs.clock import VirtualClock
from jobs.customers.load import import_customers
from jobs.house import House
from jobs.queue import drain, make_app
from scheduler.bootstrap import open_house, publish, read_config
from scheduler.drive import drive
from store import events, versions

JAKARTA = ZoneInfo("Asia/Jakarta")
START = datetime(2026, 11, 20, 18, 30, tzinfo=JAKARTA)
END = datetime(2026, 11, 22, 12, 0, tzinfo=JAKARTA)
CUSTOMERS = Path("examples/customers.csv")
SEED = 2026
MARK = ".demo"
SHOWN = ("C000001", "C000002", "C000003")  # an HNWI, a regular, one with a suppressed message

# What the providers get wrong this weekend.
FAULTS = (
    Rule(channel="push", kind="UNREGISTERED", share=0.01),
    Rule(channel="push", kind="UNAVAILABLE", share=0.02, times=1),
    Rule(channel="whatsapp", kind="131026", share=0.02),
    Rule(channel="email", kind="451 4.3.0 Try again later", share=0.02, times=1),
    Rule(channel="email", kind="550 5.1.1 No such user", share=0.01),
)
# What the back office tells of customers meanwhile, once outside every window: (local time, event, customer, data).
HAPPENINGS: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("2026-11-20 20:10", "kyc.updated", "C000001", {}),
    ("2026-11-20 22:15", "kyc.rejected", "C000002", {"reason": "Foto KTP kurang jelas"}),
)


async def play(settings: Settings, console: Console) -> bool:
    """Run the weekend and print what came of it; True when the audit is clean."""
    clock = VirtualClock(START)
    var = settings.var_dir
    async with Sandbox(credentials_file=var / "sandbox.json", log_file=var / "sandbox.jsonl", seed=SEED, now=clock.now) as sandbox:
        sandbox.faults.replace(list(FAULTS))
        os.environ.update(sandbox.environment())
        async with open_house(settings, migrate=True, send=True, clock=clock) as house:
            house = replace(house, chance=random.Random(SEED))
            async with _web(house) as port:
                sandbox.webhooks.url = f"http://127.0.0.1:{port}/v1/receipts/whatsapp"
                published = await _load(house, console)
                for template in approved_templates(published.config):
                    sandbox.templates.put(template)
                await _weekend(house, clock, sandbox, console)
            return await report(house, published, START, SHOWN, console)


@asynccontextmanager
async def _web(house: House) -> AsyncIterator[int]:
    """The real web process, for the providers' receipts, on any free port."""
    stop = asyncio.Event()
    bound: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    settings = house.settings.model_copy(update={"http": house.settings.http.model_copy(update={"port": 0})})
    server = asyncio.create_task(serve(replace(house, settings=settings), stop, on_bound=bound.set_result))
    waiting: set[asyncio.Future[Any]] = {server, bound}
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    try:
        if not bound.done():
            await server  # raises why it could not listen
        yield bound.result()
    finally:
        stop.set()
        await server


async def _load(house: House, console: Console) -> Published:
    with Progress(TextColumn("importing customers"), BarColumn(), TextColumn("{task.completed} rows"), console=console) as progress:
        task = progress.add_task("import", total=None)
        done = await import_customers(
            house.database,
            _copy(house.settings.var_dir),
            now=START,
            today=START.date(),
            progress=lambda n, total: progress.update(task, completed=n, total=total),
            by="demo",
        )
    console.print(f"{done.inserted} customers imported, {done.rejected} rows rejected with a reason ({done.rejects_file})")
    config = read_config(house.settings.config_dir, house.channels)
    version = await publish(house, config)
    async with house.database.begin() as connection:
        for name in config.campaigns:
            if config.rules.categories[config.campaigns[name].category].needs_approval:
                await versions.approve(connection, campaign=name, content_hash=config.content_hash(name), by="demo", now=START)
        return await house.catalog.version(connection, version)


def _copy(var: Path) -> Path:
    """The import writes its rejects beside the file: not into the examples."""
    return Path(shutil.copy(CUSTOMERS, var / CUSTOMERS.name))


async def _weekend(house: House, clock: VirtualClock, sandbox: Sandbox, console: Console) -> None:
    channels = sorted(house.accounts)
    app = make_app(house)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[sent]} sent"), TimeElapsedColumn())
    async with app.open_async():

        async def send() -> None:
            await drain(app, channels, 4)
            await sandbox.webhooks.settled()

        with Progress(*columns, console=console) as progress:
            task = progress.add_task("", total=(END - START).total_seconds(), sent=0)

            async def show(now: datetime) -> None:
                sent = sum(counts.accepted for counts in sandbox.journal.counts.values())
                local = now.astimezone(JAKARTA)
                progress.update(task, completed=(now - START).total_seconds(), description=f"{local:%a %d %b %H:%M}", sent=sent)
                if not console.is_terminal:
                    console.print(f"{local:%a %d %b %H:%M}  {sent} accepted by the providers")

            for number, (at, name, customer, data) in enumerate(HAPPENINGS):
                await drive(house, clock, datetime.fromisoformat(at).replace(tzinfo=JAKARTA), send, show)
                async with house.database.begin() as connection:
                    await events.add(connection, event_id=f"demo-{number}", name=name, customer_no=customer, data=data, now=clock.now())
            await drive(house, clock, END, send, show)


def demo() -> None:
    """Play one weekend of the example on a virtual clock, through the real path to local providers."""
    settings = Settings.read()
    if "var_dir" not in settings.model_fields_set:
        settings = settings.model_copy(update={"var_dir": Path("var/demo")})  # never the daemon's own
    if settings.database_url is not None:
        raise ConfigError([Problem("KABAR_DATABASE_URL", 0, 0, "the demo keeps to a database of its own; unset it")])
    if settings.var_dir.exists() and not (settings.var_dir / MARK).exists():
        raise ConfigError([Problem("KABAR_VAR_DIR", 0, 0, f'"{settings.var_dir}" was not made by the demo, which starts by emptying it')])
    shutil.rmtree(settings.var_dir, ignore_errors=True)
    settings.var_dir.mkdir(parents=True)
    (settings.var_dir / MARK).touch()
    console = screen()
    with (settings.var_dir / "kabar.log").open("w") as log:
        configure_logging(settings, log)
        clean = run(play(settings, console))
    sys.exit(0 if clean else 1)
