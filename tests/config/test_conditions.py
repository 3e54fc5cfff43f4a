"""A segment condition is data over known columns; whatever else SQL can say is refused where it stands."""

from __future__ import annotations

from datetime import date

import pytest

from config.conditions import And, Between, Column, Compare, InList, IsNull, Literal, Not, Or, Today
from config.parsing import MAX_LENGTH, ConditionError, parse_condition
from config.reach import find_person
from tests.config.written import FILES, problems


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("portfolio_value >= 500000000", Compare(Column("portfolio_value"), ">=", Literal(500000000))),
        ("last_trade_on < today - interval '180 days'", Compare(Column("last_trade_on"), "<", Today(days=-180))),
        ("TODAY + interval '1 year' - interval '2 weeks' > birthday", Compare(Today(12, -14), ">", Column("birthday"))),
        ("birthday = date '1990-02-28'", Compare(Column("birthday"), "=", Literal(date(1990, 2, 28)))),
        ("locale in ('en', 'id')", InList(Column("locale"), (Literal("en"), Literal("id")))),
        ("trades_last_month not between 1 and 5", Not(Between(Column("trades_last_month"), Literal(1), Literal(5)))),
        ("last_trade_on is not null", Not(IsNull(Column("last_trade_on")))),
        ("attributes.kota <> 'O''Hara'", Compare(Column("attributes", "kota"), "!=", Literal("O'Hara"))),
        ("true", Literal(True)),
        (
            "locale = 'en' and (name is null or trades_last_month > -1)",
            And((
                Compare(Column("locale"), "=", Literal("en")),
                Or((IsNull(Column("name")), Compare(Column("trades_last_month"), ">", Literal(-1)))),
            )),
        ),
    ],
)  # fmt: skip
def test_what_a_condition_may_say_is_read(text: str, condition: object) -> None:
    assert parse_condition(text) == condition
    assert parse_condition(str(parse_condition(text))) == condition


@pytest.mark.parametrize(
    ("text", "offset", "words"),
    [
        ("portfolo_value > 3", 0, 'did you mean "portfolio_value"?'),
        ("locale = 'en' and password = 'x'", 18, "is not a column of the customer"),
        ("portfolio_value > '5'", 18, "compare it with a number without quotes"),
        ("last_trade_on > '2026-01-01'", 16, "compare it with date '2026-01-31' or today"),
        ("attributes.vip = true", 0, "compare it with '…' in single quotes"),
        ("portfolio_value in (1, 'a')", 23, "compare it with a number"),
        ("birthday = date '1990-02-30'", 16, "is not a date"),
        ("last_trade_on < today - interval '5 hours'", 16, "interval '5 hours' is not known"),
        ("last_trade_on < today - interval '99999 years'", 16, "more than 150 years"),
        ("portfolio_value = 500.000.000", 18, "is not allowed"),
        ("portfolio_value = 1e999999", 18, "is not a number"),
        ("portfolio_value + 1 > 2", 0, "only today can be moved"),
        ("1 = 1", 0, "one side must be a column"),
        ("name", 0, "alone says nothing"),
        ("name = null", 0, "write is null"),
        ("name is true", 0, "is not allowed"),
        ("birthday < current_date", 0, "write today"),
        ("trades_last_month >= 20 trades", 24, 'near "trades"'),
        ("name = 'x", 0, "a quote is not closed"),
        ("", 0, "the condition is empty"),
        # attacks
        ("true; drop table people", 4, "leave out the semicolon"),
        ("true -- and more", 4, "comments"),
        ("name in (select secret from settings)", 0, "a subquery is not allowed"),
        ("exists (select 1)", 15, "a subquery is not allowed"),
        ("pg_sleep(10) = 1", 0, "is not allowed"),
        ("name = pg_read_file('/etc/passwd')", 7, "is not allowed"),
        ("name = current_setting('x')", 7, "is not allowed"),
        ("name like '%'", 0, "is not allowed"),
        ("name ~ '(a+)+'", 0, "is not allowed"),
        ("name::text = 'x'", 0, "is not allowed"),
        ("name || name = 'x'", 0, "is not allowed"),
        ("case when true then 1 end = 1", 20, "is not allowed"),
        ("people.name = 'x'", 0, "is not a column"),
        ("public.people.name = 'x'", 0, "is not allowed"),
        ("attributes.\"a' or '1\" = 'x'", 0, "is not an attribute"),
        ("name = $1", 8, "is not allowed"),
        ("name = :x", 0, "is not allowed"),
        ("name = E'\\x'", 7, "is not allowed"),
        ("name = 'a\0b'", 9, "NUL"),
        ("(" * 50 + "true" + ")" * 50, 20, "parentheses deeper"),
        ("not " * 300 + "true", 0, "condition"),
        ("name = 'x' or " * 120 + "true", 0, "two segments"),
        ("name = '" + "x" * MAX_LENGTH + "'", 0, "at most"),
    ],
)
def test_what_a_condition_may_not_say_is_refused_with_its_place(text: str, offset: int, words: str) -> None:
    with pytest.raises(ConditionError) as caught:
        parse_condition(text)
    assert words in str(caught.value)
    assert caught.value.offset == offset


def test_a_refusal_points_into_the_file() -> None:
    segments = "segments:\n  hnwi: >-\n    locale = 'en'\n    and lower(name) = 'x'\n"
    assert problems({"rules.yaml": FILES["rules.yaml"], "segments.yaml": segments})[-1].startswith("config/segments.yaml:4:9: ")


def test_somebody_is_found_only_where_somebody_can_be() -> None:
    rich, poor = parse_condition("portfolio_value >= 500"), parse_condition("portfolio_value < 500")
    assert find_person([rich], [poor])[0] == {"portfolio_value": 500}
    assert find_person([rich, poor], []) == (None, True)
    assert find_person([parse_condition("locale = 'en'")], [rich, poor]) == (None, True)
    assert find_person([], [parse_condition("last_trade_on < today - interval '6 months'")])[0] is not None
