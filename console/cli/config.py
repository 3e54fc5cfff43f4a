"""check: the whole configuration, and what of the environment is not there."""

from __future__ import annotations

import os
from collections.abc import Mapping

import typer

from channels.base import Channel
from channels.registry import CHANNELS
from config.loader import Config
from config.problems import ConfigError
from config.settings import Settings, unknown_settings
from scheduler.bootstrap import read_config, settings_of


def check() -> None:
    """Validate the whole configuration: a line `file:line:col: what is wrong; what would be right` for each mistake."""
    try:
        settings = Settings.read()
        config = read_config(settings.config_dir)
        absent = not_configured()
    except ConfigError as error:
        for problem in error.problems:
            typer.echo(str(problem))
        raise typer.Exit(1) from None
    typer.echo(_summary(settings, config))
    for channel, variables in absent.items():
        typer.echo(f"hint: {channel} is not configured in this environment; it needs {', '.join(variables)}")
    if config.accounts:
        typer.echo(f"hint: accounts beside each channel's default one are checked and not used yet ({', '.join(config.accounts)})")
    for problem in unknown_settings(os.environ, settings_of()):
        typer.echo(f"hint: {problem}")


def not_configured(channels: Mapping[str, Channel] = CHANNELS) -> dict[str, list[str]]:
    """Channel → the variables it lacks here. Raises ConfigError for settings that contradict each other."""
    missing = {name: list(channel.missing(channel.settings.read())) for name, channel in channels.items()}
    return {name: variables for name, variables in missing.items() if variables}


def _summary(settings: Settings, config: Config) -> str:
    counts = {
        "campaigns": config.campaigns,
        "templates": config.templates,
        "segments": config.segments,
        "windows": config.rules.windows,
    }
    return f"{settings.config_dir}: good; " + ", ".join(f"{len(items)} {name}" for name, items in counts.items())
