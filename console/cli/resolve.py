"""resolve: a person's word on messages that may have gone out."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import structlog
import typer

from config.problems import ConfigError, Problem
from config.redaction import scrub
from config.settings import Settings
from console.cli.common import fault, operator
from console.cli.guard import run
from scheduler.bootstrap import open_house
from store import ticks
from store.resolve import Other, resolve

log = structlog.get_logger()

MOST = 10_000  # at once; their ids are in one line of the audit log
SHOWN = 20


class Word(StrEnum):
    SENT = "sent"
    FAILED = "failed"


def resolved(
    ids: Annotated[list[str], typer.Argument(metavar="ID…", help="Numbers of messages; `-` reads them from standard input, one a line.")],
    word: Annotated[Word, typer.Option("--as", help="What became of them.")],
    evidence: Annotated[str | None, typer.Option("--evidence", metavar="TEXT", help="How it is known.", show_default=False)] = None,
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who says so, for the audit log.")] = None,
) -> None:
    """Settle messages that are `unknown`: all of those named, or none.

    One that did not go out may be replayed once. What the provider says later is stronger than this word.
    """
    numbers = _numbers(ids)
    how = scrub(" ".join(evidence.split())) if evidence and evidence.strip() else None
    run(_resolve(Settings.read(), numbers, word, how, by or operator()))
    said = "sent" if word is Word.SENT else "failed; `kabar replay --failed --id ID` puts one back, once"
    typer.echo(f"{len(numbers)} settled as {said}")


def _numbers(words: list[str]) -> list[int]:
    """Each once, in order. Raises ConfigError with every word that is no number."""
    places = [(word, "ID") for word in words if word != "-"]
    if "-" in words:
        lines = (line.decode("ascii", "backslashreplace").strip() for line in sys.stdin.buffer)
        places += [(line, f"standard input:{number}") for number, line in enumerate(lines, 1) if line]
    wrong = [f'{place}: "{word[:40]}" is not the number of a message' for word, place in places if not _is_number(word)]
    if wrong:
        raise ConfigError([Problem("resolve", 0, 0, each) for each in wrong[:SHOWN]])
    if not places:
        raise fault("resolve", "standard input names no message; `kabar failed --unknown --ids` lists those in doubt")
    numbers = sorted({int(word) for word, _ in places})
    if len(numbers) > MOST:
        raise fault("resolve", f"{len(numbers):,} messages at once are more than {MOST:,}; name them in several goes")
    return numbers


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and 0 < int(word[:20]) < 2**63 and len(word) < 20


async def _resolve(settings: Settings, ids: list[int], word: Word, evidence: str | None, by: str) -> None:
    async with open_house(settings) as house, house.database.begin() as connection:
        now = house.clock.now()
        others = await resolve(connection, ids, went=word is Word.SENT, by=by, evidence=evidence, now=now)
        if others:
            more = [f"and {len(others) - SHOWN:,} more"] if len(others) > SHOWN else []
            told = [*map(_other, others[:SHOWN]), *more, "nothing was changed; `kabar failed --unknown --ids` lists those in doubt"]
            raise ConfigError([Problem("resolve", 0, 0, each) for each in told])
        detail = {"as": word.value, "messages": ids, "evidence": evidence}
        await ticks.record(connection, actor=by, action="resolve", detail=detail, now=now)
        log.info("resolve.done", word=word.value, messages=len(ids))


def _other(other: Other) -> str:
    if other.status is None:
        return f"there is no message {other.id}"
    by = f", by the word of {other.by}" if other.by else ""
    return f"message {other.id} is {other.status} by now{by}, and not in doubt"
