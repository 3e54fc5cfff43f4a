"""Addresses in clear: only for who may, with a reason, and written down before anything is shown."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from config.redaction import scrub
from config.settings import Settings
from console.cli.common import fault
from jobs.house import House
from store import ticks

if sys.platform != "win32":
    import pwd

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why addresses are shown in clear, for the audit log.")]


def account() -> str:
    """Whose account of the machine this runs under; unlike a login name, no variable says so."""
    if sys.platform == "win32":
        return getpass.getuser()
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's number without a name
        return str(os.getuid())


def permitted(settings: Settings, reason: str) -> str:
    """The account that may see addresses. Raises ConfigError for any other, and without a reason."""
    who, allowed = account(), settings.unmasking
    if who not in allowed:
        names = ", ".join(allowed) or "nobody"
        raise fault("KABAR_MAY_UNMASK", f"allows {names}, and this is {who}; ask one of them, or who runs this machine to name {who} there")
    if not reason.strip():
        raise typer.BadParameter("say why addresses are to be shown, such as 'access request of 20 November'", param_hint="--reason")
    return who


async def recorded(house: House, who: str, action: str, reason: str, detail: Mapping[str, Any]) -> None:
    """In a transaction of its own, committed before the first address leaves."""
    async with house.database.begin() as connection:
        told = {**detail, "reason": scrub(" ".join(reason.split()))}
        await ticks.record(connection, actor=who, action=action, detail=told, now=house.clock.now())
