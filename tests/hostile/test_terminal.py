"""What customers and providers wrote cannot take over an operator's terminal or a log on it."""

from __future__ import annotations

import io

import pytest
from rich.table import Table

from config.printable import printable
from config.redaction import scrub
from console.cli.terminal import terminal

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31mAni\u202ereversed"


def test_a_table_shows_escapes_as_signs_and_keeps_its_own_colours() -> None:
    file = io.StringIO()
    table = Table("[bold]name[/bold]")
    table.add_row(EVIL)
    terminal(file=file, force_terminal=True, width=80).print(table)
    shown = file.getvalue()
    assert "\x1b[1m" in shown
    assert not any(sign in shown for sign in ("\x1b]", "\x1b[2J", "\x9b", "\x07", "\u202e"))


@pytest.mark.parametrize("text", [EVIL, "a\x1b[1A\x1b[2Kall is well"])
def test_a_log_line_holds_no_escape(text: str) -> None:
    assert scrub(text) == printable(scrub(text))


def test_line_ends_and_letters_of_all_scripts_stay() -> None:
    assert printable("baris\n\tJosé 日本 👩‍👩‍👧") == "baris\n\tJosé 日本 👩‍👩‍👧"
