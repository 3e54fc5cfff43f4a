"""kabar suppressions, and the list as a file: in, out, and never revived by a customer file."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from console.cli.unmask import account
from tests.cli.conftest import Desk, audited, customer, message, run_of
from tests.cli.publishing import publish_config


def live(desk: Desk) -> list[tuple[Any, ...]]:
    found = desk.sql("SELECT kind, channel, sort, value, person_id FROM suppressions WHERE lifted_at IS NULL ORDER BY kind, id")
    return [tuple(row.values()) for row in found]


def bring(desk: Desk, text: str, *words: str) -> str:
    file = desk.directory / "old suite.csv"
    file.write_text(text, encoding="utf-8")
    result = desk.kabar("import", "suppressions", str(file), *words)
    assert result.exit_code == 0, result.output
    return result.output


def numbers(shown: str) -> list[str]:
    """The figures of an import's table."""
    return [cell for line in shown.splitlines() for cell in line.replace("│", " ").split() if cell.isdigit()][:5]


def test_a_list_goes_in_with_its_evidence_and_a_second_time_changes_nothing(desk: Desk) -> None:
    one = customer(desk, "C1")
    text = (
        "jenis;saluran;alamat;no_nasabah;alasan;tanggal\n"
        "hard_bounce;email;Gone@Example.com;;550 5.1.1 no gone@example.com here;31/01/2026\n"
        "berhenti;whatsapp;0812-3456-789;;;\n"
        "spam;email;;C1;FBL;2026-02-01 09:00\n"
    )
    assert numbers(bring(desk, text, "--by", "dewi")) == ["3", "3", "0", "0", "0"]
    assert live(desk) == [
        ("address", None, "email", "gone@example.com", None),
        ("complaint", "email", None, None, one),
        ("opt_out", "whatsapp", "phone", "+628123456789", None),
    ]
    [row] = desk.sql("SELECT source, evidence, at FROM suppressions WHERE kind = 'address'")
    assert row["source"] == "import"
    assert row["evidence"] == "old suite.csv:2 550 5.1.1 no *** here"
    assert row["at"] == datetime(2026, 1, 31, tzinfo=ZoneInfo("Asia/Jakarta"))
    assert numbers(bring(desk, text))[:3] == ["3", "0", "3"]
    assert len(live(desk)) == 3
    assert audited(desk) == [("dewi", "suppressions.import"), ("sari", "suppressions.import")]


def test_bad_rows_stay_out_with_their_line_and_reason_and_can_be_mended(desk: Desk) -> None:
    shown = bring(
        desk,
        "kind,channel,address,customer_no,at\n"
        "opt_out,email,not an address,,\n"
        "opt_out,fax,a@example.com,,\n"
        "vanished,email,a@example.com,,\n"
        "address,email,,C1,\n"
        "opt_out,email,a@example.com,C1,\n"
        "opt_out,popup,a@example.com,,\n"
        "opt_out,email,,C404,\n"
        "opt_out,email,a@example.com,,2036-01-01\n"
        "opt_out,email,good@example.com,,\n",
    )
    assert "8 rows stayed out" in shown
    assert live(desk) == [("opt_out", "email", "email", "good@example.com", None)]
    rejects = desk.directory / "old suite.csv.rejects.csv"
    found = {row["line"]: row["reason"] for row in csv.DictReader(rejects.read_text(encoding="utf-8-sig").splitlines())}
    assert list(found) == ["2", "3", "4", "5", "6", "7", "9", "8"]
    assert "no customer has this number" in found["8"]
    assert "in the future" in found["9"]
    customer(desk, "C404")
    mended = "\n".join(line for line in rejects.read_text(encoding="utf-8-sig").splitlines() if line.startswith(("line", "8,")))
    assert numbers(bring(desk, mended))[:2] == ["1", "1"]


def test_a_file_without_kinds_needs_to_be_told_what_it_is(desk: Desk) -> None:
    file = desk.directory / "bounced.csv"
    file.write_text("email\na@example.com\n", encoding="utf-8")
    refused = desk.kabar("import", "suppressions", str(file))
    assert refused.exit_code == 1
    assert "say --kind for the whole file" in refused.output
    assert desk.kabar("import", "suppressions", str(file), "--kind", "address", "--channel", "email").exit_code == 0
    assert live(desk) == [("address", None, "email", "a@example.com", None)]


def test_what_was_lifted_after_it_was_said_is_not_brought_back_by_the_old_list(desk: Desk) -> None:
    text = "kind,channel,address,at\nopt_out,email,a@example.com,2026-01-31\n"
    bring(desk, text)
    [row] = desk.sql("SELECT id FROM suppressions")
    assert desk.kabar("suppressions", "lift", str(row["id"]), "--by", "dewi", "--evidence", "").exit_code == 2
    assert desk.kabar("suppressions", "lift", str(row["id"]), "--by", "dewi", "--evidence", "letter").exit_code == 0
    assert numbers(bring(desk, text))[1:3] == ["0", "1"]
    assert live(desk) == []
    [lifted] = desk.sql("SELECT lifted_by, lift_evidence FROM suppressions")
    assert tuple(lifted.values()) == ("dewi", "letter")
    assert ("dewi", "suppressions.lift") in audited(desk)


def test_the_export_masks_addresses_unless_told_not_to_and_then_goes_in_again(desk: Desk) -> None:
    customer(desk, "C1")
    bring(
        desk,
        "kind,channel,address,customer_no,reason\naddress,push,=cmd(1):token,,\nopt_out,whatsapp,,C1,=1+1\ncomplaint,email,ab@example.com,,\n",
    )
    shown = list(csv.DictReader(io.StringIO(desk.kabar("export", "suppressions").stdout)))
    assert [(row["kind"], row["channel"], row["customer_no"], row["address"]) for row in shown] == [
        ("address", "push", "", "…oken"),
        ("complaint", "email", "", "a…@example.com"),
        ("opt_out", "whatsapp", "C1", ""),
    ]
    refused = desk.kabar("export", "suppressions", "--full", "--reason", "moving to another suite")
    assert refused.exit_code == 1
    assert f"KABAR_MAY_UNMASK: allows nobody, and this is {account()}" in refused.stderr
    desk = replace(desk, env=desk.env | {"KABAR_MAY_UNMASK": f"dewi,{account()}"})
    assert desk.kabar("export", "suppressions", "--full").exit_code == 2
    full = desk.kabar("export", "suppressions", "--full", "--reason", "moving to another suite").stdout
    assert "'=cmd(1):token" in full
    assert audited(desk)[1:] == [("sari", "export.suppressions"), (account(), "export.suppressions")]
    lines = [
        json.loads(line)
        for line in desk.kabar("export", "suppressions", "--format", "jsonl", "--full", "--reason", "x").stdout.splitlines()
    ]
    assert [line["address"] for line in lines] == ["=cmd(1):token", "ab@example.com", None]
    before = live(desk)
    desk.sql("DELETE FROM suppressions")
    assert numbers(bring(desk, full))[:2] == ["3", "3"]
    assert live(desk) == before


def test_an_opt_out_by_hand_stops_what_waits_and_is_shown_by_list_and_why(desk: Desk) -> None:
    desk.kabar("check")
    person = customer(desk, "C1")
    words = ("suppressions", "add", "--kind", "opt_out", "--channel", "email", "--evidence", "call of 0812-3456-7890, CRM-1182")
    assert "recorded" in desk.kabar(*words, "--customer", "C1").stdout
    assert "already" in desk.kabar(*words, "--customer", "C1").stdout
    assert "recorded" in desk.kabar(*words, "--address", "C@example.com").stdout
    assert live(desk)[0] == ("opt_out", "email", None, None, person)
    listed = desk.kabar("suppressions", "list", "--kind", "opt_out").stdout
    assert "CRM-1182" in listed
    assert "0812" not in listed
    assert "c@example.com" not in listed
    dead = ("suppressions", "add", "--kind", "address", "--channel", "push", "--address", "tok-C1", "--evidence", "CRM-1190")
    assert desk.kabar(*dead).exit_code == 0
    why = desk.kabar("why", "C1").stdout
    assert "by operator: CRM-1190" in why
    assert "opted out      of offers by email" in why
    assert "by operator: call of ***" in why
    assert "lifted" not in why
    [row] = desk.sql("SELECT id FROM suppressions WHERE person_id IS NOT NULL")
    desk.kabar("suppressions", "lift", str(row["id"]), "--by", "dewi", "--evidence", "letter")
    assert "by dewi: letter" in desk.kabar("why", "C1").stdout
    assert desk.kabar(*words, "--customer", "C9").exit_code == 1
    assert desk.kabar(*words).exit_code == 2


def test_a_list_turns_offers_round_that_wait_or_were_about_to_leave(desk: Desk) -> None:
    publish_config(desk)
    run, one, two = run_of(desk), customer(desk, "C1"), customer(desk, "C2")
    waits = message(desk, run, one, category="promo", channel="email")
    leaves = message(desk, run, two, category="promo", channel="whatsapp", fallback=["email"], status="released", chunk_id=1)
    note = message(desk, run_of(desk, "note"), one, channel="email")
    shown = bring(desk, "kind,channel,address,customer_no\nstop,whatsapp,,C2\nspam,email,,C1\n")
    assert numbers(shown) == ["2", "2", "0", "0", "1"]
    found = desk.sql("SELECT id, channel, status, reason FROM messages ORDER BY id")
    assert [tuple(row.values()) for row in found] == [
        (waits, "email", "suppressed", "opted_out:email"),
        (leaves, "email", "queued", "moved_on:whatsapp:opted_out"),
        (note, "email", "queued", None),
    ]


def test_evidence_is_only_text_in_the_list(desk: Desk) -> None:
    words = ("suppressions", "add", "--kind", "opt_out", "--channel", "email", "--address", "dewi@example.com")
    assert desk.kabar(*words, "--evidence", "550 [/b] [red]gone").exit_code == 0
    shown = desk.kabar("suppressions", "list")
    assert (shown.exit_code, "550 [/b] [red]gone" in " ".join(shown.stdout.replace("│", " ").split())) == (0, True), shown.output
