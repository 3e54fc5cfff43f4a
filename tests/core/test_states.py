"""docs/states.md is the transition table: it says exactly what the statements in store/ and the settlements in jobs/ do."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import CheckConstraint, TextClause

import store
from jobs import blocks, dispatch, domains, settlement
from store import tables

PAGE = (Path(__file__).parents[2] / "docs" / "states.md").read_text(encoding="utf-8")
MESSAGES, RUNS = PAGE.split("\n## A run\n")
BY_VALUE = {"v.status"}  # the caller says what it becomes


class Move(NamedTuple):
    """Which states a statement expects, and what it makes of them."""

    before: frozenset[str]
    after: frozenset[str]


def documented(part: str) -> dict[str, Move]:
    """Statement → move, of the tables with a column for statements; several rows of one statement are one move."""
    found: dict[str, Move] = {}
    for line in part.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 5 and (named := re.fullmatch(r"`(\w+\.\w+)`", cells[4])):
            before, after = (frozenset(re.findall(r"`(\w+)`", cell)) for cell in cells[:2])
            known = found.get(named[1], Move(frozenset(), frozenset()))
            found[named[1]] = Move(known.before | before, known.after | after)
    return found


def statements() -> Iterator[tuple[str, str]]:
    """(module.NAME, SQL) of every statement of the store, those of imports among them, which psycopg runs as they are."""
    for info in pkgutil.iter_modules(store.__path__):
        if info.name != "migrations":
            module = importlib.import_module(f"store.{info.name}")
            for name, item in vars(module).items():
                if isinstance(item, TextClause):
                    yield f"{info.name}.{name}", item.text
                elif isinstance(item, str) and info.name == "people_sql" and not name.startswith("__"):
                    yield f"{info.name}.{name}", item


def moves(table: str) -> dict[str, Move]:
    """What the UPDATEs of a table do to its status, read off their text."""
    found = {}
    for name, text in statements():
        for update in re.findall(rf"UPDATE {table}\b(.*?)(?=\bUPDATE\b|\bRETURNING\b|\Z)", text, re.DOTALL):
            if assigned := re.search(r"(?<![.\w])status = (CASE .*? END|'\w+'|v\.status)", update, re.DOTALL):
                outer = re.sub(r"NOT EXISTS \(.*\)", "", update[assigned.end() :], flags=re.DOTALL)
                guards = re.findall(r"\bstatus (= '\w+'|IN \([^)]*\))", outer)
                found[name] = Move(words(guards[-1] if guards else ""), targets(assigned[1]))
    return found


def words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"'(\w+)'", text))


def targets(assigned: str) -> frozenset[str]:
    if assigned in BY_VALUE:
        return settled()
    return frozenset(re.findall(r"(?:THEN|ELSE) '(\w+)'", assigned)) or words(assigned)


def settled() -> frozenset[str]:
    """Every status a Settlement is made with."""
    made = set()
    for module in (settlement, dispatch, blocks, domains):
        for node in ast.walk(ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Settlement"):
                status = node.args[2]
                assert isinstance(status, ast.Constant), f"{ast.unparse(node)} does not say its status in words"
                made.add(str(status.value))
    return frozenset(made)


def allowed(table: str) -> frozenset[str]:
    """The states the database lets a row have."""
    checks = [item for item in tables.metadata.tables[table].constraints if isinstance(item, CheckConstraint)]
    return frozenset(word for check in checks for word in words(str(check.sqltext)))


def test_every_status_of_a_message_is_explained() -> None:
    explained = re.findall(r"^\| `(\w+)` \| .* \| (?:yes|no) \|", MESSAGES, re.MULTILINE)
    assert tuple(explained) == tables.STATUSES


@pytest.mark.parametrize("name", moves("messages"))
def test_a_move_of_a_message_is_documented_as_it_is(name: str) -> None:
    assert documented(MESSAGES).get(name) == moves("messages")[name]


def test_no_move_of_a_message_is_documented_that_is_gone() -> None:
    assert documented(MESSAGES).keys() == {*moves("messages"), "audience.expand", "escalation._FOLLOW"}


def test_every_update_names_the_state_it_expects() -> None:
    assert not [name for table in ("messages", "runs") for name, move in moves(table).items() if not move.before]


def test_the_moves_reach_every_status_and_no_other() -> None:
    reached = {status for move in documented(MESSAGES).values() for status in move.after}
    assert reached == set(tables.STATUSES) == allowed("messages")


def test_the_moves_of_runs_are_documented_as_they_are() -> None:
    found = documented(RUNS)
    assert {name: move for name, move in found.items() if name != "runs._INSERT"} == moves("runs")
    assert {status for move in found.values() for status in move.after} == allowed("runs")
