"""scheduler, worker: processes of the daemon without a face, and how several parts live in one process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from typing import Any

import structlog
import typer

from channels.registry import CHANNELS
from config.loader import Config
from config.problems import ConfigError, Problem
from config.settings import Settings, unknown_settings
from console.cli.guard import run
from jobs import recognise
from jobs.catalog import Published
from jobs.retention import remembers
from scheduler.bootstrap import open_house, publish, read_config, settings_of
from scheduler.daemon import run_scheduler, run_worker, stop_on_signals
from scheduler.reload import SCHEDULER
from scheduler.watch import send_heartbeats, tell_manager

log = structlog.get_logger()

Part = Coroutine[Any, Any, None]


def scheduler() -> None:
    """Fire, plan and decide; publishes the configuration and takes up each change of it."""
    run(_scheduler(read_settings()))


def worker() -> None:
    """Send what was released, on every channel this environment has credentials for; needs no configuration directory."""
    run(_worker(read_settings()))


def read_settings() -> Settings:
    """As the environment has them; what Kabar does not know of is told."""
    for problem in unknown_settings(os.environ, settings_of()):
        log.warning("setting.unknown", setting=problem.file, problem=problem.message)
    return Settings.read()


def good_config(settings: Settings) -> Config:
    """That of KABAR_CONFIG_DIR. Raises ConfigError with every problem."""
    config = read_config(settings.config_dir)
    remembers(settings.retention, Published(0, config, CHANNELS))
    return config


async def _scheduler(settings: Settings) -> None:
    config = good_config(settings)
    stop = stop_on_signals()
    async with open_house(settings) as house:
        await recognise.start(house)
        await publish(house, config, by=SCHEDULER)
        await together(
            stop,
            watch=tell_manager(house, stop),
            heartbeat=send_heartbeats(house, stop),
            scheduler=run_scheduler(house, settings.config_dir, stop),
        )


async def _worker(settings: Settings) -> None:
    stop = stop_on_signals()
    async with open_house(settings, send=True) as house:
        await recognise.start(house)
        await together(stop, watch=tell_manager(house, stop), worker=run_worker(house, stop))


async def together(stop: asyncio.Event, **parts: Part) -> None:
    """Run until `stop` is set. A part that ends before takes the others down in good order, and the command exits 1.

    Raises ConfigError when that is what ended it (a port in use).
    """
    tasks = [asyncio.create_task(part, name=name) for name, part in parts.items()]
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({*tasks, stopping}, return_when=asyncio.FIRST_COMPLETED)
    early = [] if stop.is_set() else [task for task in tasks if task.done()]
    stop.set()
    await asyncio.wait({*tasks, stopping})
    problems: list[Problem] = []
    for task in tasks:
        error = task.exception()
        if isinstance(error, ConfigError):
            problems += error.problems
        elif error is not None or task in early:
            log.error("part.died", part=task.get_name(), exc_info=error)
    if problems:
        raise ConfigError(problems)
    if early or any(task.exception() for task in tasks):
        raise typer.Exit(1)
