"""kabar bounces: what it makes of one mail, a maildir read once, and how it says what is missing."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.channels.bounced import SEAL, complaint, postfix
from tests.cli.conftest import Desk
from tests.cli.test_daemon import SECONDS, read_until, started


def _box(desk: Desk) -> Path:
    box = desk.directory / "bounces"
    for part in ("new", "cur", "tmp"):
        (box / part).mkdir(parents=True)
    return box


def test_explain_says_what_a_mail_is_and_which_words_decided(desk: Desk) -> None:
    file = desk.directory / "bounce.eml"
    file.write_bytes(postfix("550 5.1.1 No such user"))
    said = desk.kabar("bounces", "--explain", str(file), KABAR_DATABASE_URL="postgresql://nowhere:1/x").stdout
    assert "message    kabar-42, with a seal" in said
    assert "grade    hard, user_unknown" in said
    assert "by       phrase:user_unknown" in said
    assert SEAL not in said
    file.write_bytes(b"Subject: hello\n\nworld")
    assert "nothing: it names no message of ours" in desk.kabar("bounces", "--explain", str(file)).stdout


def test_once_reads_the_maildir_and_counts(desk: Desk) -> None:
    box = _box(desk)
    (box / "new" / "1.mx").write_bytes(postfix("550 5.1.1 No such user"))
    (box / "new" / "2.mx").write_bytes(complaint())
    result = desk.kabar("bounces", "--maildir", str(box), "--once")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "1 bounce:hard, 1 complaint")
    assert [row["source"] for row in desk.sql("SELECT source FROM receipts")] == ["email", "email"]
    assert "nothing there" in desk.kabar("bounces", "--once", KABAR_EMAIL__BOUNCE_MAILDIR=str(box)).stdout


def test_what_is_missing_or_wrong_is_named_with_a_way_out(desk: Desk) -> None:
    for words, env, expected in (
        ((), {}, "KABAR_EMAIL__BOUNCE_MAILDIR: says where returned mail is found; set it, or KABAR_EMAIL__BOUNCE_LMTP"),
        (("--lmtp", "127.0.0.1:1", "--once"), {}, "--once: reads a maildir; give --maildir DIR"),
        (("--maildir", str(desk.directory)), {}, "is no maildir: it has no new, no cur, no tmp"),
        (("--lmtp", "127.0.0.1:99999"), {}, "is no place to listen at; write host:port"),
        ((), {"KABAR_EMAIL__BOUNCE_LMTP": "8024"}, "KABAR_EMAIL__BOUNCE_LMTP: "),
    ):
        result = desk.kabar("bounces", *words, **env)
        assert result.exit_code == 1, result.output
        assert expected in result.stderr, result.stderr


def test_it_listens_until_sigterm_and_exits_0(desk: Desk) -> None:
    with started("bounces", "--lmtp", "127.0.0.1:0", "--maildir", str(_box(desk)), env=desk.env) as process:
        read_until(process, "lmtp.started")
        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, rest
    assert "lmtp.stopped" in rest
    assert "maildir.stopped" in rest
