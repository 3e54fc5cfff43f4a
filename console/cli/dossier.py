"""export person: what is held about one customer, for who asks what that is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from config.settings import Settings
from console.cli.common import fault, nobody
from console.cli.guard import run
from console.cli.sheets import target
from console.cli.unmask import Reason, permitted, recorded
from scheduler.bootstrap import open_house
from store.dossier import dossier


def export(
    customer_no: Annotated[str, typer.Argument(metavar="CUSTOMER_NO", help="Whom.", show_default=False)],
    reason: Reason = "",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write here instead of to standard output.")] = None,
) -> None:
    """Everything held about one customer, in clear, as JSON: the answer to a request for access. Only for KABAR_MAY_UNMASK; recorded."""
    settings = Settings.read()
    held = run(_held(settings, customer_no, permitted(settings, reason), reason))
    with target(out) as file:
        file.write(json.dumps(held, indent=2, ensure_ascii=False) + "\n")


async def _held(settings: Settings, customer_no: str, who: str, reason: str) -> dict[str, Any]:
    async with open_house(settings) as house:
        async with house.database.begin() as connection:
            held = await dossier(connection, customer_no)
            if held is None:
                raise fault("customer", await nobody(connection, customer_no))
        await recorded(house, who, "export.person", reason, {"customer_no": customer_no})
        return held
