"""Text made to be slow is read in time that grows as the text does: patterns and parsers, doubled until they would show it."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from channels.email.bounces import read as read_mail
from channels.email.markdown import to_html, to_text
from channels.email.returned import receipts_of
from config.parsing import ConditionError, parse_condition
from config.printable import printable
from config.problems import Problem
from config.redaction import scrub
from config.source import read as read_yaml
from config.templating import uses
from config.tone import addresses
from config.values import parse_duration, parse_spans, parse_weekly_hours
from jobs.api_keys import key_id
from jobs.customers import contacts, dates, normalise, numbers
from jobs.customers.columns import slug
from jobs.customers.rejects import safe, unsafe

Read = Callable[[str], object]
LETTERS = ("a", "1", "1.", "1,", "a.", "a@", "-", " ", "é", "=", "'")
SECRETS = ("eyJaaaaaaaa-", "token ", "token=", "bearer ", "-----BEGIN ", "://", "a@a", "+1", "0", "62 8", "a+", "[parameters: ", "DETAIL: ")
JINJA = ("{{", "{%", "{{ name }}", "{% if name %}", "{% endif %} ", "{#")
MARKS = ("*", "_", "`", "[", "![", "[a](", "> ", "- ", "|a", "<p ", "\\")
MAIL = ("<", "<p", "<style>", "&lt;", "a@b ", "5.1.1 ", "550 ", "subject:", "address ", "=?utf-8?b?", "www.", "e\u0301", "a-")


def mail(text: str) -> object:
    return read_mail(f"Subject: {text}\nContent-Type: text/html\n\n{text}".encode()), read_mail(f"\n{text}".encode())


def yaml(text: str) -> object:
    problems: list[Problem] = []
    return read_yaml("f.yaml", text, problems)


CASES: list[tuple[str, Read, tuple[str, ...], int]] = [
    ("scrub", scrub, LETTERS + SECRETS, 64_000),
    ("printable", printable, LETTERS, 64_000),
    ("mail", mail, LETTERS + MAIL, 32_000),
    ("to_html", to_html, JINJA + MARKS, 8_000),
    ("to_text", to_text, JINJA + MARKS, 8_000),
    ("uses", uses, JINJA, 48_000),
    ("tone", lambda text: list(addresses(text)), (*LETTERS, *JINJA, "a Xy...... "), 32_000),
    ("yaml", yaml, ("a", "- ", "a:\n", "&a ", "*a ", "? ", "'", "a: "), 16_000),
    ("condition", parse_condition, ("not ", "a = 1 and ", "- ", "a.", "'", "1"), 2_000),
    ("duration", parse_duration, ("1", "1h", "h"), 64_000),
    ("spans", parse_spans, ("1", "00:00-00:01,", ",", "-"), 64_000),
    ("hours", parse_weekly_hours, ("Mon ", ";", "mon,", "Mon 1:00-2:00;"), 64_000),
    ("phone", contacts.phone, LETTERS, 64_000),
    ("email", contacts.email, LETTERS, 64_000),
    ("devices", contacts.devices, ("android:", "android:a|", "|", "token:"), 64_000),
    ("day", dates.day, LETTERS, 64_000),
    ("amount", numbers.amount, (*LETTERS, "1.000", "rp "), 64_000),
    ("name", normalise.name, LETTERS, 64_000),
    ("slug", slug, LETTERS, 64_000),
    ("safe", safe, (*LETTERS, "\t", "'="), 64_000),
    ("unsafe", unsafe, (*LETTERS, "'="), 64_000),
    ("key", key_id, ("kabar_", "a"), 64_000),
]


def seconds(read: Read, text: str) -> float:
    begun = time.process_time()
    with suppress(ValueError):
        read(text)
    return time.process_time() - begun


def grown(read: Read, pump: str, tail: str, most: int) -> float:
    """How many times as long the largest text takes as one of half its size; 0 when neither is worth measuring."""
    size, before, took = 64, 0.0, 0.0
    while size <= most:
        before, took = took, seconds(read, (pump * size)[:size] + tail)
        assert took < 3, f"{size} characters of {pump!r} took {took:.1f} s"
        size *= 2
    return took / before if before and took > 0.05 else 0


@pytest.mark.parametrize(("read", "pumps", "most"), [pytest.param(*case[1:], id=case[0]) for case in CASES])
def test_text_made_to_be_slow_is_not(read: Read, pumps: tuple[str, ...], most: int) -> None:
    slow = []
    for pump in pumps:
        for tail in ("", "!"):
            ratios = (grown(read, pump, tail, most) for _ in range(3))  # twice as much may take thrice as long on a busy machine, once
            if all(ratio > 3 for ratio in ratios):
                slow.append(pump + tail)
    assert slow == []


def test_names_on_many_lines_are_placed_in_a_moment() -> None:
    text = "\n" * 38_000 + "{{ name }}" * 900 + "{{ first_name }}"
    uses.cache_clear()
    assert seconds(uses, text) < 0.6
    assert uses(text).names["first_name"] == text.index("first_name")


@pytest.mark.parametrize("text", ["a." * 350 + "a = 1", "- " * 350 + "a"])
def test_a_condition_too_deep_to_be_walked_is_refused_in_words(text: str) -> None:
    with pytest.raises(ConditionError):
        parse_condition(text)


@pytest.mark.parametrize("text", ["999999999w", "5219w"])
def test_a_duration_that_leaves_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="more than a hundred years"):
        parse_duration(text)


def test_a_mail_with_a_broken_word_in_its_header_is_read() -> None:
    assert receipts_of(b"Subject: =?utf-8?b?a?= =?utf-8?b?abcde?=\n\n550 5.1.1 <a@example.com> user unknown\n", datetime.now(UTC)) == []
