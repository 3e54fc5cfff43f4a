"""export messages: every message as one row of CSV or one line of JSON, streamed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TextIO

import typer

from config.settings import Settings
from console.cli.common import company_zone, operator
from console.cli.guard import run
from console.cli.sheets import Write, csv_rows, json_lines, target
from console.cli.times import SINCE, parse_since, wall_clock
from scheduler.bootstrap import open_house
from store import ticks
from store.reports import COLUMNS, stream_messages


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


def messages(
    since: Annotated[str | None, typer.Option("--since", metavar="T", help=f"Only what was queued since. {SINCE}")] = None,
    written: Annotated[Format, typer.Option("--format", help="One row or one JSON object a message.")] = Format.CSV,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write here instead of to standard output.")] = None,
) -> None:
    """Every message and what became of it, the oldest first. Times are ISO 8601 in UTC; CSV cells never pass as formulas."""
    with target(out) as file:
        run(_export(Settings.read(), since, csv_rows if written is Format.CSV else json_lines, file))


async def _export(settings: Settings, since: str | None, writer: Callable[[TextIO, Sequence[str]], Write], file: TextIO) -> None:
    async with open_house(settings) as house:
        start = None if since is None else parse_since(since, await company_zone(house), wall_clock())
        async with house.database.begin() as connection:
            detail = {"since": start.isoformat() if start else None}
            await ticks.record(connection, actor=operator(), action="export.messages", detail=detail, now=house.clock.now())
        write = writer(file, COLUMNS)
        async with house.database.begin() as connection:
            async for rows in stream_messages(connection, start):
                write(rows)
