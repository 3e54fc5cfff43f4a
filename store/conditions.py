"""Segment conditions as SQLAlchemy expressions over `people`; values travel as parameters, never as text."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, literal, not_, or_

from config.conditions import And, Between, Column, Compare, Condition, InList, IsNull, Literal, Not, Or, Term, Today
from store.tables import people

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compile_condition(condition: Condition, today: date) -> ColumnElement[bool]:
    """Null where a column it needs is null, as in SQL."""
    match condition:
        case Compare(left, op, right):
            compared: ColumnElement[bool] = _COMPARE[op](_term(left, today), _term(right, today))
            return compared
        case InList(column, values):
            return _term(column, today).in_([_term(value, today) for value in values])
        case Between(column, low, high):
            return _term(column, today).between(_term(low, today), _term(high, today))
        case IsNull(column):
            return _term(column, today).is_(None)
        case And(parts):
            return and_(*(compile_condition(part, today) for part in parts))
        case Or(parts):
            return or_(*(compile_condition(part, today) for part in parts))
        case Not(part):
            return not_(compile_condition(part, today))
        case Literal(value):
            return literal(bool(value))


def _term(term: Term, today: date) -> ColumnElement[Any]:
    match term:
        case Column(name, None):
            return people.c[name]
        case Column(_, key):
            attribute: ColumnElement[Any] = people.c.attributes[key].astext
            return attribute
        case Today():
            return literal(moved(today, term))
        case Literal(value):
            return literal(value)


def moved(day: date, by: Today) -> date:
    """Months first, the day kept within the month (31 January + 1 month = 28 February), then days."""
    month = day.year * 12 + day.month - 1 + by.months
    first = date(month // 12, month % 12 + 1, 1)
    length = (_next_month(first) - first).days
    return first.replace(day=min(day.day, length)) + timedelta(days=by.days)


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)
