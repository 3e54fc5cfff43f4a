"""A template shows values and chooses between texts; it reaches no Python and ends in bounded time and size."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from config.filters import date_en, jam, rupiah, tanggal, time_en
from config.templating import MAX_RENDERED, MAX_SOURCE, RenderError, TemplateError, compile_text, uses, variables

VALUES: dict[str, object] = {
    "name": "Budi <Santoso>",
    "first_name": "Budi",
    "customer_no": "C1",
    "locale": "id",
    "campaign": "class",
    "attributes": {"items": "keys like methods are only keys", "empty": ""},
    "event": {"title": "Kelas", "at": "2026-11-20T19:00:00", "nominal": 500000000},
}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Halo {{ first_name }}", "Halo Budi"),
        ("{{ event.title | upper }} {{ event['title'] | lower | title }}", "KELAS Kelas"),
        ("{{ event.at | tanggal }} pukul {{ event.at | jam }}", "Jumat, 20 November 2026 pukul 19.00 WIB"),
        ("{{ event.at | date_en }} at {{ event.at | time_en('WITA') }}", "Friday, 20 November 2026 at 7:00 PM WITA"),
        ("{{ event.nominal | rupiah }}", "Rp500.000.000"),
        ("{{ attributes.items | default('x') }}", "keys like methods are only keys"),
        ("{{ attributes.none | default('x') }}{{ attributes.empty | default('y') }}", "xy"),
        ("{% if attributes.none is defined %}a{% elif locale == 'id' and not campaign == 'b' %}b{% else %}c{% endif %}", "b"),
        ("{{ 'Pak' if locale == 'id' else 'Mr' }}", "Pak"),
    ],
)
def test_what_a_template_may_do_works(text: str, shown: str) -> None:
    assert compile_text(text).render(VALUES) == shown


def test_html_is_escaped_and_plain_text_is_not() -> None:
    assert compile_text("{{ name }}", autoescape=True).render(VALUES) == "Budi &lt;Santoso&gt;"
    assert compile_text("{{ name }}").render(VALUES) == "Budi <Santoso>"


@pytest.mark.parametrize(
    ("text", "offset", "words"),
    [
        ("Hai {{ nama }}", 7, 'unknown name "nama"; did you mean "name"?'),
        ("{{ event }}", 3, "write event.<key>"),
        ("{{ name.upper }}", 3, "write name alone"),
        ("{{ event.a.b }}", 3, "write event.<key>"),
        ("{{ attributes.kota }}", 3, "not every customer has this attribute"),
        ("{{ name | uper }}", 10, 'unknown filter "uper"; did you mean "upper"?'),
        ("{{ name | upper(1) }}", 10, "too many positional arguments"),
        ("{{ name is string }}", 11, 'unknown test "string"'),
        ("baris\n{{ name", 6, "unreadable template"),
        # attacks
        ("{{ ''.__class__.__mro__ }}", 0, "only names and their keys"),
        ("{{ name.__class__ }}", 3, "write name alone"),
        ("{{ event.__class__.__init__ }}", 3, "write event.<key>"),
        ("{{ event['__class__']['x'] }}", 3, "write event.<key>"),
        ("{{ event[name] }}", 3, "only names and their keys"),
        ("{{ name | attr('x') }}", 10, 'unknown filter "attr"'),
        ("{{ name | format(name) }}", 10, 'unknown filter "format"'),
        ("{{ lipsum() }}", 3, "a call is not allowed"),
        ("{{ name | default(dict()) }}", 18, "a call is not allowed"),
        ("{{ cycler }}", 3, 'unknown name "cycler"'),
        ("{{ self }}", 3, 'unknown name "self"'),
        ("{{ 10 ** 10 }}", 0, "is not allowed"),
        ("{{ 'a' * 99999999 }}", 0, "is not allowed"),
        ("{{ 'a' ~ 'b' }}", 0, "is not allowed"),
        ("{{ [1] }}", 0, "is not allowed"),
        ("{% for a in name %}{% endfor %}", 7, "a loop is not allowed"),
        ("{% set a = 1 %}", 7, "set is not allowed"),
        ("{% macro a() %}{% endmacro %}", 0, "a macro is not allowed"),
        ("{% include '/etc/passwd' %}", 0, "include is not allowed"),
        ("{% import 'os' as os %}", 0, "import is not allowed"),
        ("{% extends 'a' %}", 0, "is not allowed"),
        ("{% autoescape false %}{% endautoescape %}", 0, "is not allowed"),
        ("{% if true %}" * 60 + "{% endif %}" * 60, 0, "inside each other"),
        ("{{" + "(" * 5000 + "}}", 0, "nested too deeply"),
        ("{{ name }}" * 2500, 0, "more than 2000 parts"),
        ("x" * (MAX_SOURCE + 1), 0, "longer than"),
    ],
)
def test_what_a_template_may_not_do_is_refused_with_its_place(text: str, offset: int, words: str) -> None:
    with pytest.raises(TemplateError) as caught:
        compile_text(text)
    assert words in str(caught.value)
    assert caught.value.offset == offset


def test_values_are_looked_up_in_mappings_and_nowhere_else() -> None:
    values = {**VALUES, "event": datetime(2026, 11, 20, tzinfo=UTC)}
    with pytest.raises(RenderError):
        compile_text("{{ event.year }}").render(values)


def test_a_missing_value_is_an_error_that_shows_no_values() -> None:
    with pytest.raises(RenderError, match="titel") as caught:
        compile_text("{{ name }} {{ event.titel }}").render(VALUES)
    assert "Budi" not in str(caught.value)
    with pytest.raises(RenderError) as caught:
        compile_text("{{ name | rupiah }}").render(VALUES)
    assert "Budi" not in str(caught.value)


def test_what_is_rendered_is_bounded() -> None:
    with pytest.raises(RenderError, match="longer than"):
        compile_text("{{ name }}{{ name }}").render({"name": "x" * (MAX_RENDERED // 2 + 1)})


def test_the_names_a_text_uses_are_told() -> None:
    text = "{{ event.title }}{% if event.host is defined %}{{ attributes.a | default('') }}{% endif %}"
    assert variables(text) == {"event.title", "event.host", "attributes.a"}
    assert uses(text).bare == {"event.title"}


def test_money_dates_and_hours_read_as_in_indonesia() -> None:
    at = datetime(2026, 3, 1, 0, 5, tzinfo=ZoneInfo("Asia/Makassar"))
    assert [rupiah("1234.5"), rupiah(-5000), rupiah(0)] == ["Rp1.234", "-Rp5.000", "Rp0"]
    assert [tanggal(at), date_en(at.date())] == ["Minggu, 1 Maret 2026", "Sunday, 1 March 2026"]
    assert [jam(at), time_en(at), jam("08:30")] == ["00.05 WITA", "12:05 AM WITA", "08.30 WIB"]
