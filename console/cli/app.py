"""The `kabar` command: every command, in groups, with examples."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import NamedTuple

import typer

from config.logging import configure_logging
from config.settings import Settings
from console.cli.guard import Guarded

RUN, WRITE, FEED, CONTROL, LOOK, TRY = "Run it", "What goes out", "Customers and events", "At once", "Look", "Try it out"
_START = "Start with `kabar check`; then `kabar sandbox` in one terminal and `kabar up` in another. Settings: KABAR_*."
_DAEMONS = {"bounces", "up", "scheduler", "worker", "web", "demo"}


class Command(NamedTuple):
    """place: module and function in this package, imported when it is asked for. panel: where the help shows it."""

    place: str
    panel: str | None
    examples: tuple[str, ...]
    hidden: bool


class Group(NamedTuple):
    panel: str
    summary: str
    commands: Mapping[str, Command]


def _at(place: str, panel: str | None = None, *examples: str, hidden: bool = False) -> Command:
    return Command(place, panel, examples, hidden)


TREE: Mapping[str, Command | Group] = {
    "up": _at("serve.up", RUN, "kabar up", "KABAR_HTTP__PORT=8090 kabar up"),
    "scheduler": _at("run.scheduler", RUN),
    "worker": _at("run.worker", RUN),
    "web": _at("serve.web", RUN),
    "bounces": _at(
        "bounces.bounces",
        RUN,
        "kabar bounces --lmtp 127.0.0.1:8024",
        "kabar bounces --maildir /var/mail/kabar --once",
        "kabar bounces --explain bounce.eml",
    ),
    "db": Group(
        RUN,
        "upgrade, dump, restore, doubt: the database's schema and its backup.",
        {
            "upgrade": _at("db.upgrade"),
            "dump": _at("backup.dump", None, "kabar db dump kabar-2026-11-20.dump"),
            "doubt": _at("doubt.doubt", None, "kabar db doubt --campaign weekly-market --dry-run"),
            "restore": _at("backup.restore", None, "KABAR_DATABASE_URL=postgresql:///kabar_new kabar db restore kabar-2026-11-20.dump"),
        },
    ),
    "check": _at("config.check", WRITE, "kabar check", "KABAR_CONFIG_DIR=drafts kabar check --strict"),
    "preview": _at("preview.preview", WRITE, "kabar preview win-back", "kabar preview win-back --customer C000123"),
    "approve": _at("approval.approve", WRITE, "kabar approve win-back --by dewi"),
    "send-test": _at(
        "sending.send_test",
        WRITE,
        "kabar send-test weekly-market --to me@example.com",
        "kabar send-test kyc-rejected --to me@example.com --customer C000123 --data reason='photo unreadable'",
    ),
    "import": Group(
        FEED,
        "customers, suppressions: bring in a file.",
        {
            "customers": _at("people.customers", None, "kabar import customers examples/customers.csv"),
            "suppressions": _at("suppression_files.bring_in", None, "kabar import suppressions bounced.csv --kind address --channel email"),
        },
    ),
    "suppressions": Group(
        FEED,
        "list, add, lift: whom and what is not written to.",
        {
            "list": _at("suppressions.listed", None, "kabar suppressions list --kind complaint"),
            "add": _at(
                "suppressions.add",
                None,
                "kabar suppressions add --kind opt_out --channel whatsapp --customer C000123 --evidence 'call CRM-1182'",
            ),
            "lift": _at("suppressions.lift", None, "kabar suppressions lift 4711 --by dewi --evidence 'letter of 20 November'"),
        },
    ),
    "forget": _at(
        "forget.forget", FEED, "kabar forget C000123 --reason 'request of 20 November, CRM-1182'", "kabar forget --from tombstones.jsonl"
    ),
    "readmit": _at("forget.readmit", FEED, "kabar readmit C000123 --reason 'new account, CRM-1200'"),
    "emit": _at(
        "events.emit",
        FEED,
        "kabar emit kyc.updated --customer C000123",
        "kabar emit kyc.rejected --customer C000123 --data reason='photo unreadable'",
    ),
    "pause": _at(
        "control.pause",
        CONTROL,
        "kabar pause --campaign win-back --reason 'wrong price'",
        "kabar pause --channel push",
        "kabar pause --all",
    ),
    "resume": _at("control.resume", CONTROL, "kabar resume --campaign win-back", "kabar resume --channel push", "kabar resume --all"),
    "replay": _at(
        "replay.replay", CONTROL, "kabar replay --failed --campaign weekly-market", "kabar replay --failed --cause UNAVAILABLE --dry-run"
    ),
    "resolve": _at(
        "resolve.resolved",
        CONTROL,
        "kabar resolve 4711 --as sent --evidence 'seen in the provider log'",
        "kabar resolve - --as failed --evidence 'ticket CRM-1182' < ids.txt",
    ),
    "keys": Group(
        CONTROL,
        "create, list, revoke: who may call the HTTP face.",
        {
            "create": _at(
                "keys.create",
                None,
                "kabar keys create crm --scope events",
                "kabar keys create app-backend --scope popups --scope receipts --expires 365d",
            ),
            "list": _at("keys.listed", None, "kabar keys list"),
            "revoke": _at("keys.revoke", None, "kabar keys revoke crm --by dewi"),
        },
    ),
    "status": _at("show.status", LOOK, "kabar status", "kabar status --json | jq .lag"),
    "calendar": _at("calendar.calendar", LOOK, "kabar calendar", "kabar calendar --month --from 2026-12-01", "kabar calendar --json"),
    "why": _at("why.why", LOOK, "kabar why C000123"),
    "failed": _at("failed.failed", LOOK, "kabar failed", "kabar failed --cause UNAVAILABLE", "kabar failed --unknown --ids --json"),
    "audit": _at("audit.audit", LOOK, "kabar audit", "kabar audit --since 3d --json"),
    "audit-log": Group(
        LOOK,
        "list, head, verify: what operators did.",
        {
            "list": _at("audit_log.listed", None, "kabar audit-log list --since 7d --action resume", "kabar audit-log list --json"),
            "head": _at("audit_log.head"),
            "verify": _at("audit_log.verify", None, "kabar audit-log verify", "kabar audit-log verify --head 9f2c…"),
        },
    ),
    "export": Group(
        LOOK,
        "messages, suppressions, person, tombstones: take them away as a file.",
        {
            "messages": _at(
                "export.messages",
                None,
                "kabar export messages --since 2026-11-20 > messages.csv",
                "kabar export messages --since 2h --format jsonl",
            ),
            "person": _at("dossier.export", None, "kabar export person C000123 --reason 'access request, CRM-1182' > person.json"),
            "tombstones": _at("forget.export", None, "kabar export tombstones > tombstones.jsonl"),
            "suppressions": _at("suppression_files.export", None, "kabar export suppressions --full > suppressions.csv"),
        },
    ),
    "rehearse": _at(
        "rehearse.rehearse",
        WRITE,
        "kabar rehearse --from 2026-11-20T18:30 --to 2026-11-22T12:00 --out plan.csv",
        "kabar rehearse --to 3d --config drafts --against config",
    ),
    "sandbox": _at("sandbox.sandbox", TRY, "kabar sandbox", ". var/sandbox.env && kabar up"),
    "demo": _at("demo.demo", TRY, hidden=True),
}


def built(asked: str | None = None) -> typer.Typer:
    """The application with all its commands, or with only the command or group of this name, when there is one."""
    app = typer.Typer(
        name="kabar",
        cls=Guarded,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="rich",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(epilog="Start with `kabar check`; then `kabar sandbox` in one terminal and `kabar up` in another. Settings: KABAR_*.")(
        kabar
    )
    for name, entry in TREE.items():
        if name == asked or asked not in TREE:
            _add(app, name, entry)
    return app


def _add(app: typer.Typer, name: str, entry: Command | Group) -> None:
    if isinstance(entry, Group):
        group = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help=entry.summary)
        app.add_typer(group, name=name, rich_help_panel=entry.panel)
        for each, command in entry.commands.items():
            _add(group, each, command)
        return
    module, _, function = entry.place.partition(".")
    epilog = "\n\n".join(("[bold]Examples[/bold]", *entry.examples)) if entry.examples else None
    register = app.command(name, rich_help_panel=entry.panel, epilog=epilog, hidden=entry.hidden)
    register(getattr(import_module(f"console.cli.{module}"), function))


def kabar(ctx: typer.Context) -> None:
    """Kabar sends each customer the right message, at the right hour, once."""
    settings = Settings.read()
    if ctx.invoked_subcommand not in _DAEMONS and "log_level" not in settings.model_fields_set:
        settings = settings.model_copy(update={"log_level": "warning"})  # a command says itself what it did
    configure_logging(settings, apart=ctx.invoked_subcommand in _DAEMONS)


def main() -> None:
    """The console script. Of all commands only the one that was asked for is imported: they are most of the time it takes to start."""
    # What an import makes stays; looking through it for garbage again and again takes a sixth of its time.
    gc.disable()
    app = built(next(iter(sys.argv[1:]), None))
    gc.freeze()
    gc.enable()
    app()
