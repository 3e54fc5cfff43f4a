"""Every command and every route says what the audit log keeps of it; a new one fails here until somebody has said so."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from fastapi.routing import APIRoute
from typer.core import TyperGroup
from typer.main import get_group

from console.cli.app import built
from console.cli.unmask import account
from console.http.app import make_web
from jobs.house import House
from tests.cli.conftest import Desk, audited, customer
from tests.cli.publishing import publish_config

NAME, PHONE, MAIL = "Kenari Emaswati", "+6281298765432", "kenari.emas@contoh.example"
# Nothing is changed by them, and addresses are masked in what they show.
LOOKS = frozenset(
    {
        "status", "calendar", "why", "audit", "audit-log list", "audit-log head", "audit-log verify", "check", "preview", "rehearse",
        "suppressions list", "keys list", "failed",
    }
)  # fmt: skip
# What these do is in the log of the process and in the tables themselves; nobody's hand does it.
DAEMONS = frozenset({"up", "scheduler", "worker", "web", "bounces"})
TRIES = frozenset({"sandbox", "demo"})  # a stage of their own
REASON = ("--reason", f"surat {PHONE}, CRM-1182")
FILE, LIST = "customers.csv", "list.csv"
# In an order in which each has something to do: the command, what follows it, and what it is recorded as.
RECORDED: Mapping[str, tuple[tuple[str, ...], str]] = {
    "import customers": ((FILE,), "customers.import"),
    "import suppressions": ((LIST,), "suppressions.import"),
    "suppressions add": (
        ("--kind", "opt_out", "--channel", "email", "--address", MAIL, "--evidence", f"call of {PHONE}"),
        "suppressions.add",
    ),
    "suppressions lift": (("1", "--by", "sari", "--evidence", f"mail of {MAIL}"), "suppressions.lift"),
    "emit": (("kyc.rejected", "--customer", "C000001", "--data", f"reason={NAME}"), "emit"),
    "approve": (("win-back", "--by", "sari"), "approve"),
    "send-test": (("kyc-rejected", "--to", MAIL, "--data", "reason=x"), "send_test"),
    "pause": (("--all", "--reason", "wrong price"), "pause"),
    "resume": (("--all",), "resume"),
    "replay": (("--failed",), "replay"),
    "export messages": ((), "export.messages"),
    "export suppressions": (("--full", *REASON), "export.suppressions"),
    "export person": (("C000001", *REASON), "export.person"),
    "forget": (("C000001", *REASON), "forget"),
    "export tombstones": ((), "export.tombstones"),
    "readmit": (("C000001", *REASON), "readmit"),
    "db upgrade": ((), "db.upgrade"),
    "keys create": (("crm", "--scope", "events"), "keys.create"),
    "keys revoke": (("crm",), "keys.revoke"),
}
# Recorded, too; tests of their own hold it: each needs a stage that no other has.
ELSEWHERE = frozenset({"resolve", "db dump", "db restore", "db doubt"})
# Their callers are customers, providers, the app and the back office, known by token, signature or key: no operator's act.
ROUTES = frozenset(
    {
        "POST /v1/events", "POST /v1/receipts/push", "GET /v1/receipts/{channel}", "POST /v1/receipts/{channel}",
        "POST /v1/popups/tokens", "GET /v1/popups", "POST /v1/popups/events", "GET /v1/popups/stream", "GET /sdk/kabar-popup.js",
        "HEAD /sdk/kabar-popup.js",
        "GET /u/{token}", "POST /u/{token}", "GET /p/{token}", "POST /p/{token}", "GET /c/{token}", "HEAD /c/{token}",
        "GET /healthz", "GET /readyz", "GET /metrics", "GET /openapi.json",
    }
)  # fmt: skip


def commands(group: TyperGroup, before: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}"


def routes(house: House) -> Iterator[str]:
    for route in make_web(house).routes:
        if isinstance(route, APIRoute):
            yield from (f"{method} {route.path}" for method in route.methods or ())


def test_every_command_is_recorded_or_said_to_need_none() -> None:
    group = get_group(built())
    assert isinstance(group, TyperGroup)
    every = set(commands(group))
    assert every == RECORDED.keys() | ELSEWHERE | LOOKS | DAEMONS | TRIES


def test_no_route_is_an_operators(house: House) -> None:
    assert set(routes(house)) == ROUTES


def test_what_an_operator_does_is_recorded_without_personal_data_and_the_chain_holds(desk: Desk) -> None:
    publish_config(desk)
    customer(desk, name=NAME)
    Path(desk.directory / FILE).write_text(f"customer_no,name,email,phone\nC000002,{NAME},{MAIL},{PHONE}\n")
    Path(desk.directory / LIST).write_text(f"kind,channel,address\nopt_out,whatsapp,{PHONE}\n")
    desk = replace(desk, env=desk.env | {"KABAR_MAY_UNMASK": account()})
    for command, (words, action) in RECORDED.items():
        if action in ("db.upgrade", "send_test"):
            continue  # needs an older schema, or a provider: tests of their own
        before = len(audited(desk))
        done = desk.kabar(*command.split(), *(str(desk.directory / word) if word in (FILE, LIST) else word for word in words))
        assert done.exit_code == 0, done.output
        assert [found for _, found in audited(desk)[before:]] == [action], command
    kept = json.dumps(desk.sql("SELECT actor, action, detail FROM audit_log")).lower()
    assert not [word for word in ("kenari", "emaswati", "81298765432", "contoh.example") if word in kept]
    assert desk.kabar("audit-log", "verify").exit_code == 0


def test_what_is_held_about_a_customer_is_told_in_clear_to_who_may(desk: Desk) -> None:
    customer(desk, name=NAME)
    asked = ("export", "person", "C000001", "--reason", "access request, CRM-1182")
    assert desk.kabar(*asked).exit_code == 1
    desk = replace(desk, env=desk.env | {"KABAR_MAY_UNMASK": account()})
    held = json.loads(desk.kabar(*asked).stdout)
    assert held["person"]["name"] == NAME
    assert {each["value"] for each in held["addresses"]} == {"tok-C000001", "+628120000-C000001", "c@example.com-C000001"}
    assert audited(desk) == [(account(), "export.person")]
    assert desk.kabar("export", "person", "C404", "--reason", "x").exit_code == 1
