"""Can a customer exist for whom some conditions hold and others do not? Tried on the values where conditions change their answer."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import islice, product
from typing import Any

from config.conditions import And, Between, Column, Compare, Condition, InList, IsNull, Literal, Not, Or, Term, Today, Value

MAX_TRIES = 20_000
_TODAY = date(2026, 7, 15)
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

Person = Mapping[str, object]


def find_person(needed: Sequence[Condition], refused: Sequence[Condition]) -> tuple[Person | None, bool]:
    """Somebody for whom all of `needed` hold and none of `refused`, every value filled in; and whether all cases were tried."""
    values: dict[str, set[Any]] = {}
    for condition in (*needed, *refused):
        for column, value in _comparisons(condition):
            values.setdefault(str(column), set()).update(_around(value))
    names = list(values)
    tries = product(*(sorted(values[name]) for name in names))
    for number, chosen in enumerate(islice(tries, MAX_TRIES + 1)):
        person = dict(zip(names, chosen, strict=True))
        if all(_holds(one, person) for one in needed) and not any(_holds(one, person) for one in refused):
            return person, True
        if number == MAX_TRIES:
            return None, False
    return None, True


def compared_with(condition: Condition, column: Column) -> set[object]:
    """The values a condition compares a column with; of a relative date, one such date."""
    return {_fixed(value) for each, value in _comparisons(condition) if each == column}


def _comparisons(condition: Condition) -> Iterator[tuple[Column, Value]]:
    """Each column with each value it is compared with; a column compared with a column says nothing here."""
    match condition:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _comparisons(part)
        case Not(part):
            yield from _comparisons(part)
        case Compare(left, _, right):
            yield from ((a, b) for a, b in ((left, right), (right, left)) if isinstance(a, Column) and not isinstance(b, Column))
        case InList(column, values):
            yield from ((column, value) for value in values)
        case Between(column, low, high):
            yield from ((column, low), (column, high))


def _around(value: Value) -> Iterable[Any]:
    fixed = _fixed(value)
    if isinstance(fixed, date):
        return (fixed - timedelta(days=1), fixed, fixed + timedelta(days=1))
    if isinstance(fixed, int | Decimal):
        return (fixed - 1, fixed, fixed + 1)
    return (str(fixed), f"{fixed}~")


def _fixed(value: Value) -> Any:
    if isinstance(value, Today):
        return _TODAY + timedelta(days=value.days + round(value.months * 30.44))
    return value.value


def _holds(condition: Condition, person: Person) -> bool:
    match condition:
        case And(parts):
            return all(_holds(part, person) for part in parts)
        case Or(parts):
            return any(_holds(part, person) for part in parts)
        case Not(part):
            return not _holds(part, person)
        case Literal(value):
            return bool(value)
        case IsNull():
            return False
        case _:
            return _compared(condition, person)


def _compared(condition: Compare | InList | Between, person: Person) -> bool:
    match condition:
        case Compare(left, op, right):
            a, b = _value(left, person), _value(right, person)
            return a is not None and b is not None and _OPERATORS[op](a, b)
        case InList(column, values):
            return _value(column, person) in [_fixed(value) for value in values]
        case Between(column, low, high):
            middle = _value(column, person)
            return middle is not None and bool(_fixed(low) <= middle <= _fixed(high))


def _value(term: Term, person: Person) -> Any:
    return person.get(str(term)) if isinstance(term, Column) else _fixed(term)
