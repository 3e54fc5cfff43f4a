"""A customer whose name holds escape sequences is only text to the operator who asks about them."""

from __future__ import annotations

from config.printable import printable
from tests.cli.conftest import Desk, customer, message, run_of
from tests.cli.publishing import publish_config


def test_why_of_a_customer_with_a_hostile_name_is_only_text(desk: Desk) -> None:
    customer(desk, "C-EVIL", name="\x1b]0;owned\x07\x1b[2J\x9b31mAni")
    result = desk.kabar("why", "C-EVIL")
    assert result.exit_code == 0, result.stderr
    assert "Ani" in result.stdout
    assert printable(result.stdout) == result.stdout


def test_a_customer_number_that_looks_like_markup_is_only_text(desk: Desk) -> None:
    publish_config(desk)
    person = customer(desk, "C[/b]")
    message(desk, run_of(desk), person, status="failed", reason="UNAVAILABLE", settled_at="2026-11-20T12:00:00Z")
    for words in (("why", "C[/b]"), ("preview", "hello"), ("failed", "--ids")):
        result = desk.kabar(*words)
        assert result.exit_code == 0, (words, result.stderr)
        assert "C[/b]" in result.stdout, words
