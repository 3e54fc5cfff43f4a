"""Segment conditions: the few shapes a condition can have once it is read. They are data; the store compiles them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Literal as Choice


class Kind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    TRUTH = "true or false"


COLUMNS: Mapping[str, Kind] = {
    "customer_no": Kind.TEXT,
    "name": Kind.TEXT,
    "locale": Kind.TEXT,
    "timezone": Kind.TEXT,
    "portfolio_value": Kind.NUMBER,
    "trades_last_month": Kind.NUMBER,
    "last_trade_on": Kind.DATE,
    "birthday": Kind.DATE,
}

Operator = Choice["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the customer, or with `key` one of the free attributes (always text)."""

    name: str
    key: str | None = None

    @property
    def kind(self) -> Kind:
        return Kind.TEXT if self.key is not None else COLUMNS[self.name]

    def __str__(self) -> str:
        return self.name if self.key is None else f"attributes.{self.key}"


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | int | Decimal | date | bool

    @property
    def kind(self) -> Kind:
        if isinstance(self.value, bool):
            return Kind.TRUTH
        if isinstance(self.value, date):
            return Kind.DATE
        return Kind.TEXT if isinstance(self.value, str) else Kind.NUMBER

    def __str__(self) -> str:
        if isinstance(self.value, date):
            return f"date '{self.value}'"
        if isinstance(self.value, str):
            return "'" + self.value.replace("'", "''") + "'"
        return str(self.value).lower()


@dataclass(frozen=True, slots=True)
class Today:
    """The company's date when the audience is taken, moved first by `months`, then by `days`."""

    months: int = 0
    days: int = 0

    @property
    def kind(self) -> Kind:
        return Kind.DATE

    def __str__(self) -> str:
        parts = [(self.months, "months"), (self.days, "days")]
        return "today" + "".join(f" {'-' if n < 0 else '+'} interval '{abs(n)} {unit}'" for n, unit in parts if n)


Value = Literal | Today
Term = Column | Value


@dataclass(frozen=True, slots=True)
class Compare:
    left: Term
    op: Operator
    right: Term

    def __str__(self) -> str:
        return f"{self.left} {self.op} {self.right}"


@dataclass(frozen=True, slots=True)
class InList:
    column: Column
    values: tuple[Value, ...]

    def __str__(self) -> str:
        return f"{self.column} in ({', '.join(map(str, self.values))})"


@dataclass(frozen=True, slots=True)
class Between:
    """Both ends count."""

    column: Column
    low: Value
    high: Value

    def __str__(self) -> str:
        return f"{self.column} between {self.low} and {self.high}"


@dataclass(frozen=True, slots=True)
class IsNull:
    column: Column

    def __str__(self) -> str:
        return f"{self.column} is null"


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Condition, ...]

    def __str__(self) -> str:
        return "(" + " and ".join(map(str, self.parts)) + ")"


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Condition, ...]

    def __str__(self) -> str:
        return "(" + " or ".join(map(str, self.parts)) + ")"


@dataclass(frozen=True, slots=True)
class Not:
    part: Condition

    def __str__(self) -> str:
        return f"not ({self.part})"


Condition = Compare | InList | Between | IsNull | And | Or | Not | Literal  # a Literal here is true or false


def mentions_today(part: object) -> bool:
    """Whether a condition, or a part of one, may hold tomorrow for somebody it does not hold for today."""
    if isinstance(part, tuple):
        return any(map(mentions_today, part))
    return isinstance(part, Today) or (is_dataclass(part) and any(mentions_today(getattr(part, field.name)) for field in fields(part)))
