"""check: the whole configuration, what of it will disappoint, and what of the environment is not there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from channels.base import Channel
from channels.registry import CHANNELS
from config.loader import Config
from config.printable import printable
from config.problems import ConfigError, Problem
from config.settings import Settings, unknown_settings
from console.cli.glance import NothingToSee, glance
from console.cli.guard import run
from console.cli.times import wall_clock
from jobs.catalog import Published
from jobs.credentials import credentials, rates
from jobs.retention import remembers
from scheduler.bootstrap import read_config, settings_of
from scheduler.outlook import people
from scheduler.outlook import volume as evenings
from scheduler.outlook.report import disappointments
from scheduler.outlook.scene import Scene
from store.volume import customers


def check(
    strict: Annotated[bool, typer.Option("--strict", help="Warnings end with exit code 1, too.")] = False,
    volume: Annotated[bool, typer.Option("--volume", help="Look at the volume, if need be by starting the embedded database.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object with stable keys.")] = False,
) -> None:
    """Validate the whole configuration: a line `file:line:col: what is wrong; what would be right` for each mistake.

    What is in order and will disappoint is a warning: what comes too late for its window, fights for a slot, or says kamu to Anda.
    With a database, also evenings with more messages than a channel can carry.
    """
    found, unseen, config = _look(volume=volume)
    wrong = any(not problem.warning for problem in found)
    if as_json:
        typer.echo(json.dumps(_plain(found, unseen), ensure_ascii=False, indent=2))
    else:
        _tell(found, config if not wrong else None)
    if unseen and not wrong:
        typer.echo(f"volume was not looked at: {unseen}", err=True)
    if wrong or (strict and found):
        raise typer.Exit(1)


def _look(*, volume: bool) -> tuple[list[Problem], str | None, Config | None]:
    """Everything found, why the volume was not looked at, and the configuration where it could be read."""
    try:
        settings = Settings.read()
        config = read_config(settings.config_dir)
        not_configured()
        published = Published(0, config, CHANNELS)
        remembers(settings.retention, published)
    except ConfigError as error:
        return list(error.problems), None, None
    scene = Scene(published, wall_clock())
    found = disappointments(scene)
    try:
        found += run(_volume(settings, scene, start=volume))
    except NothingToSee as reason:
        return found, str(reason), config
    except ConfigError as error:
        if volume:
            return [*found, *error.problems], None, config
        return found, str(error), config
    return sorted(found), None, config


async def _volume(settings: Settings, scene: Scene, *, start: bool) -> list[Problem]:
    async with glance(settings, start=start) as connection:
        if not await customers(connection):
            raise NothingToSee("the database has no customers; `kabar import customers FILE` brings them in")
        counted = await evenings.count(connection, scene)
    flows = list(evenings.flows(scene, counted))
    found = evenings.loads(scene, flows, rates(CHANNELS, scene.published.config.accounts))
    late = evenings.findings(scene, found, {name: rate_variable(channel) for name, channel in CHANNELS.items()})
    quotas = {name: channel.quota(channel.settings.read()) for name, channel in CHANNELS.items() if channel.quota}
    crowded = people.findings(scene, flows, quotas, {name: f"KABAR_{name.upper()}__DAILY_PEOPLE" for name in quotas})
    return [*late, *crowded]


def rate_variable(channel: Channel) -> str:
    return f"{channel.settings.model_config.get('env_prefix', '')}RATE"


def _plain(found: Sequence[Problem], unseen: str | None) -> dict[str, Any]:
    """good: no mistakes. volume: null when it was looked at, else why not."""
    problems = [
        {
            "severity": "warning" if problem.warning else "error",
            "file": problem.file,
            "line": problem.line,
            "col": problem.col,
            "message": problem.message,
        }
        for problem in found
    ]
    return {"good": all(problem.warning for problem in found), "problems": problems, "volume_not_looked_at": unseen}


def _tell(found: Sequence[Problem], config: Config | None) -> None:
    for problem in found:
        typer.echo(printable(str(problem)))
    if config is None:
        return
    typer.echo(_summary(Settings.read(), config, len(found)))
    for channel, variables in not_configured().items():
        typer.echo(f"hint: {channel} is not configured in this environment; it needs {', '.join(variables)}")
    for name, lacks in _accounts_lack(config).items():
        typer.echo(f"hint: account {name} is not configured in this environment; {lacks}")
    for problem in unknown_settings(os.environ, settings_of()):
        typer.echo(f"hint: {problem}")


def not_configured(channels: Mapping[str, Channel] = CHANNELS) -> dict[str, list[str]]:
    """Channel → the variables it lacks here. Raises ConfigError for settings that contradict each other."""
    missing = {name: list(channel.missing(channel.settings.read())) for name, channel in channels.items()}
    return {name: variables for name, variables in missing.items() if variables}


def _accounts_lack(config: Config, channels: Mapping[str, Channel] = CHANNELS) -> dict[str, str]:
    """Account of channels.yaml → what is wrong with its settings here."""
    found = {}
    for account in config.accounts.accounts:
        try:
            missing = credentials(channels[account.channel], account).missing
        except ConfigError as error:
            found[account.name] = "; ".join(str(problem) for problem in error.problems)
        else:
            if missing:
                found[account.name] = f"it needs {', '.join(missing)}"
    return found


def _summary(settings: Settings, config: Config, warnings: int) -> str:
    counts = {
        "campaigns": config.campaigns,
        "templates": config.templates,
        "segments": config.segments,
        "windows": config.rules.windows,
    }
    told = f"; {warnings} warning{'s' if warnings > 1 else ''}" if warnings else ""
    return f"{settings.config_dir}: good; " + ", ".join(f"{len(items)} {name}" for name, items in counts.items()) + told
