"""Reads a segment condition with sqlglot and lets through only what config/conditions.py has a shape for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import ParseError, SqlglotError

from config.conditions import (
    COLUMNS,
    And,
    Between,
    Column,
    Compare,
    Condition,
    InList,
    IsNull,
    Kind,
    Literal,
    Not,
    Operator,
    Or,
    Term,
    Today,
    Value,
)
from config.problems import suggest

MAX_LENGTH = 2000
MAX_DEPTH = 20
MAX_YEARS = 150
ALLOWED = "a condition has comparisons, and, or, not, in, between, is null, today, date '…' and interval '…'"

_OPERATORS: Mapping[type[exp.Expr], Operator] = {exp.EQ: "=", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_KEY = re.compile(r"[A-Za-z0-9_]{1,63}")
_NUMBER = re.compile(r"\d{1,18}(\.\d{1,9})?")
_INTERVAL = re.compile(r"(\d{1,5}) (day|week|month|year)s?")


class ConditionError(ValueError):
    """What is wrong with a condition; `offset` counts characters from its beginning."""

    def __init__(self, message: str, offset: int = 0) -> None:
        self.offset = offset
        super().__init__(message)


def parse_condition(text: str) -> Condition:
    """A condition over the customer's columns. Raises ConditionError."""
    _check_tokens(text)
    try:
        return _condition(sqlglot.parse_one(text, dialect="postgres", into=exp.Condition), 0)
    except ParseError as error:
        raise _unparsed(text, error) from None
    except (SqlglotError, RecursionError):
        raise ConditionError(f"this cannot be read as a condition; {ALLOWED}") from None


def _check_tokens(text: str) -> None:
    if "\0" in text:
        raise ConditionError("a NUL character cannot be compared with", text.index("\0"))
    if len(text) > MAX_LENGTH:
        raise ConditionError(f"a condition has at most {MAX_LENGTH} characters; make two segments of it")
    try:
        tokens = sqlglot.tokenize(text, dialect="postgres")
    except SqlglotError:
        raise ConditionError("a quote is not closed") from None
    if not tokens:
        raise ConditionError("the condition is empty; write true for everyone")
    depth = 0
    for token in tokens:
        depth += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
        if depth > MAX_DEPTH:
            raise ConditionError(f"parentheses deeper than {MAX_DEPTH}; make two segments of it", token.start)
        if token.token_type == TokenType.SEMICOLON:
            raise ConditionError("a condition is one expression; leave out the semicolon", token.start)
        if token.comments:
            raise ConditionError("comments inside a condition are not read; put them behind # in the YAML", token.end + 1)


def _unparsed(text: str, error: ParseError) -> ConditionError:
    found = error.errors[0] if error.errors else {}
    lines = text.split("\n")
    line, highlight = int(found.get("line") or 1), str(found.get("highlight") or "")
    # sqlglot's column is that of the token's last character.
    column = max(int(found.get("col") or 1) - max(len(highlight), 1), 0)
    offset = sum(len(one) + 1 for one in lines[: line - 1]) + column
    return ConditionError(f'this cannot be read as a condition, near "{highlight}"; {ALLOWED}', min(offset, len(text)))


def _offset(node: exp.Expr) -> int:
    # Only names and literals carry a position; what has none stands near what it belongs to.
    starts = [int(one.meta["start"]) for one in node.walk() if "start" in one.meta]
    return min(starts) if starts else _offset(node.parent) if node.parent else 0


def _refuse(node: exp.Expr) -> ConditionError:
    what = "a subquery" if node.find(exp.Query) else f'"{node.sql(dialect="postgres")[:60]}"'
    return ConditionError(f"{what} is not allowed; {ALLOWED}", _offset(node))


def _condition(node: exp.Expr, depth: int) -> Condition:
    if depth > MAX_DEPTH * 5:
        raise ConditionError("too many conditions in one; make two segments of it", _offset(node))
    for kind, build in _CONDITIONS.items():
        if type(node) is kind:
            return build(node, depth + 1)
    if type(node) in _OPERATORS:
        return _compare(node)
    if isinstance(node, exp.Column):
        column = _column(node)
        raise ConditionError(f'"{column}" alone says nothing; compare it with something', _offset(node))
    raise _refuse(node)


def _junction(node: exp.Expr, depth: int) -> And | Or:
    kind = And if isinstance(node, exp.And) else Or
    parts: list[Condition] = []
    for side in (node.this, node.expression):
        part = _condition(side, depth)
        parts.extend(part.parts if isinstance(part, kind) else (part,))
    return kind(tuple(parts))


def _is(node: exp.Expr, depth: int) -> Condition:
    if not isinstance(node.expression, exp.Null):
        raise _refuse(node)
    null = IsNull(_only_column(node.this))
    return Not(null) if node.args.get("negate") else null


def _in(node: exp.Expr, depth: int) -> InList:
    if any(node.args.get(key) for key in ("query", "unnest", "field")) or not node.expressions:
        raise _refuse(node)
    column = _only_column(node.this)
    return InList(column, tuple(_value_for(column, item) for item in node.expressions))


def _between(node: exp.Expr, depth: int) -> Between:
    if node.args.get("symmetric"):
        raise _refuse(node)
    column = _only_column(node.this)
    return Between(column, _value_for(column, node.args["low"]), _value_for(column, node.args["high"]))


_CONDITIONS: Mapping[type[exp.Expr], Callable[[exp.Expr, int], Condition]] = {
    exp.Paren: lambda node, depth: _condition(node.this, depth),
    exp.Not: lambda node, depth: Not(_condition(node.this, depth)),
    exp.And: _junction,
    exp.Or: _junction,
    exp.Is: _is,
    exp.In: _in,
    exp.Between: _between,
    exp.Boolean: lambda node, depth: Literal(bool(node.this)),
}


def _compare(node: exp.Expr) -> Compare:
    left, right = _term(node.this), _term(node.expression)
    if not isinstance(left, Column) and not isinstance(right, Column):
        raise ConditionError("this compares two fixed values; one side must be a column", _offset(node))
    if left.kind != right.kind:
        raise _mismatch(left, right, node.expression)
    return Compare(left, _OPERATORS[type(node)], right)


def _mismatch(left: Term, right: Term, at: exp.Expr) -> ConditionError:
    column, other = (left, right) if isinstance(left, Column) else (right, left)
    example = {Kind.TEXT: "'…' in single quotes", Kind.NUMBER: "a number without quotes", Kind.DATE: "date '2026-01-31' or today"}
    return ConditionError(f"{column} is a {column.kind} and {other} is a {other.kind}; compare it with {example[column.kind]}", _offset(at))


def _value_for(column: Column, node: exp.Expr) -> Value:
    value = _term(node)
    if isinstance(value, Column):
        raise ConditionError(f'"{value}" is a column; write a fixed value here', _offset(node))
    if value.kind != column.kind:
        raise _mismatch(column, value, node)
    return value


def _only_column(node: exp.Expr) -> Column:
    term = _term(node)
    if not isinstance(term, Column):
        raise ConditionError(f"{term} is fixed; a column must stand here", _offset(node))
    return term


def _term(node: exp.Expr) -> Term:
    node = node.unnest()
    if isinstance(node, exp.Column):
        return Today() if _is_today(node) else _column(node)
    if isinstance(node, exp.Literal):
        return Literal(str(node.this)) if node.is_string else Literal(_number(node))
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        return Literal(-_number(node.this))
    if isinstance(node, exp.Boolean):
        return Literal(bool(node.this))
    if isinstance(node, exp.Cast) and node.to.this == exp.DType.DATE and isinstance(node.this, exp.Literal):
        return Literal(_date(node.this))
    if isinstance(node, exp.Add | exp.Sub):
        return _moved(node)
    if isinstance(node, exp.Null):
        raise ConditionError("nothing equals null; write is null or is not null", _offset(node))
    if isinstance(node, exp.CurrentDate | exp.CurrentTimestamp):
        raise ConditionError("write today for the current date", _offset(node))
    raise _refuse(node)


def _is_today(node: exp.Column) -> bool:
    return not node.table and not node.this.args.get("quoted") and node.name.lower() == "today"


def _column(node: exp.Column) -> Column:
    if isinstance(node.this, exp.Star) or node.args.get("db"):
        raise _refuse(node)
    table, name = node.table.lower(), node.name
    if table == "attributes":
        if not _KEY.fullmatch(name):
            raise ConditionError(f'"{name}" is not an attribute; a key has letters, digits and _', _offset(node))
        return Column("attributes", name)
    if table or name.lower() not in COLUMNS:
        full = f"{table}.{name}" if table else name
        known = [*COLUMNS, "attributes.<key>"]
        raise ConditionError(f'"{full}" is not a column of the customer{suggest(full.lower(), known)}', _offset(node))
    return Column(name.lower())


def _number(node: exp.Literal) -> int | Decimal:
    text = str(node.this)
    if not _NUMBER.fullmatch(text):
        raise ConditionError(f"{text[:40]} is not a number; write digits, with a point before decimals", _offset(node))
    return int(text) if text.isdigit() else Decimal(text)


def _date(node: exp.Literal) -> date:
    try:
        return date.fromisoformat(str(node.this))
    except ValueError:
        raise ConditionError(f"'{node.this}' is not a date; write date '2026-01-31'", _offset(node)) from None


def _moved(node: exp.Add | exp.Sub) -> Today:
    base, step = _term(node.this), node.expression
    if not isinstance(base, Today) or not isinstance(step, exp.Interval):
        raise ConditionError(f"only today can be moved, by an interval: today - interval '180 days'; {ALLOWED}", _offset(node))
    sign = 1 if isinstance(node, exp.Add) else -1
    amount, unit = _interval(step)
    months = amount * {"month": 1, "year": 12}.get(unit, 0) * sign
    days = amount * {"day": 1, "week": 7}.get(unit, 0) * sign
    moved = Today(base.months + months, base.days + days)
    if abs(moved.months) > MAX_YEARS * 12 or abs(moved.days) > MAX_YEARS * 366:
        raise ConditionError(f"today is moved by more than {MAX_YEARS} years", _offset(node))
    return moved


def _interval(node: exp.Interval) -> tuple[int, str]:
    text = f"{node.this.name if node.this else ''} {node.text('unit')}".strip().lower()
    found = _INTERVAL.fullmatch(text)
    if not found:
        raise ConditionError(f"interval '{text}' is not known; write interval '180 days' (days, weeks, months, years)", _offset(node))
    return int(found[1]), found[2]
