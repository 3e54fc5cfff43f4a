"""export messages: every message as one row of CSV or one line of JSON, streamed."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from config.settings import Settings
from console.cli.common import company_zone, fault
from console.cli.guard import run
from console.cli.times import SINCE, parse_since, wall_clock
from jobs.customers.rejects import safe
from scheduler.bootstrap import open_house
from store.reports import COLUMNS, stream_messages

Rows = Sequence[Sequence[Any]]
Write = Callable[[Rows], object]


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


def messages(
    since: Annotated[str | None, typer.Option("--since", metavar="T", help=f"Only what was queued since. {SINCE}")] = None,
    written: Annotated[Format, typer.Option("--format", help="One row or one JSON object a message.")] = Format.CSV,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write here instead of to standard output.")] = None,
) -> None:
    """Every message and what became of it, the oldest first. Times are ISO 8601 in UTC; CSV cells never pass as formulas."""
    with _target(out) as target:
        run(_export(Settings.read(), since, _csv if written is Format.CSV else _jsonl, target))


async def _export(settings: Settings, since: str | None, writer: Callable[[TextIO], Write], target: TextIO) -> None:
    async with open_house(settings) as house:
        start = None if since is None else parse_since(since, await company_zone(house), wall_clock())
        write = writer(target)
        async with house.database.begin() as connection:
            async for rows in stream_messages(connection, start):
                write(rows)


@contextmanager
def _target(out: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that appears whole or not at all."""
    if out is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    part = out.with_name(out.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            yield file
        os.replace(part, out)
    except OSError as error:
        words = error.strerror or type(error).__name__
        raise fault("--out", f"{out} cannot be written: {words}; name a file in a directory that is yours") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _csv(target: TextIO) -> Write:
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(COLUMNS)
    return lambda rows: writer.writerows([_cell(value) for value in row] for row in rows)


def _jsonl(target: TextIO) -> Write:
    def write(rows: Rows) -> None:
        for row in rows:
            values = [_time(value) if isinstance(value, datetime) else value for value in row]
            target.write(json.dumps(dict(zip(COLUMNS, values, strict=True)), ensure_ascii=False) + "\n")

    return write


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return _time(value)
    return str(value).lower() if isinstance(value, bool) else safe(str(value))


def _time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
