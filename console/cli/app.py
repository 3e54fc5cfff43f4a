"""The `kabar` command: every command, in groups, with examples."""

from __future__ import annotations

import typer

from config.logging import configure_logging
from config.settings import Settings
from console.cli import (
    approval,
    audit,
    audit_log,
    backup,
    bounces,
    calendar,
    config,
    control,
    db,
    demo,
    dossier,
    doubt,
    events,
    export,
    failed,
    forget,
    keys,
    people,
    preview,
    rehearse,
    replay,
    resolve,
    run,
    sandbox,
    sending,
    show,
    suppression_files,
    suppressions,
    why,
)
from console.cli.guard import Guarded

RUN, WRITE, FEED, CONTROL, LOOK, TRY = "Run it", "What goes out", "Customers and events", "At once", "Look", "Try it out"
_DAEMONS = {"bounces", "up", "scheduler", "worker", "web", "demo"}

app = typer.Typer(
    name="kabar",
    cls=Guarded,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(epilog="Start with `kabar check`; then `kabar sandbox` in one terminal and `kabar up` in another. Settings: KABAR_*.")
def kabar(ctx: typer.Context) -> None:
    """Kabar sends each customer the right message, at the right hour, once."""
    settings = Settings.read()
    if ctx.invoked_subcommand not in _DAEMONS and "log_level" not in settings.model_fields_set:
        settings = settings.model_copy(update={"log_level": "warning"})  # a command says itself what it did
    configure_logging(settings, apart=ctx.invoked_subcommand in _DAEMONS)


def _group(name: str, panel: str, summary: str) -> typer.Typer:
    group = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", help=summary)
    app.add_typer(group, name=name, rich_help_panel=panel)
    return group


def _examples(*lines: str) -> str:
    return "\n\n".join(("[bold]Examples[/bold]", *lines))


app.command("up", rich_help_panel=RUN, epilog=_examples("kabar up", "KABAR_HTTP__PORT=8090 kabar up"))(run.up)
app.command("scheduler", rich_help_panel=RUN)(run.scheduler)
app.command("worker", rich_help_panel=RUN)(run.worker)
app.command("web", rich_help_panel=RUN)(run.web)
app.command(
    "bounces",
    rich_help_panel=RUN,
    epilog=_examples(
        "kabar bounces --lmtp 127.0.0.1:8024", "kabar bounces --maildir /var/mail/kabar --once", "kabar bounces --explain bounce.eml"
    ),
)(bounces.bounces)
_db = _group("db", RUN, "upgrade, dump, restore, doubt: the database's schema and its backup.")
_db.command("upgrade")(db.upgrade)
_db.command("dump", epilog=_examples("kabar db dump kabar-2026-11-20.dump"))(backup.dump)
_db.command("doubt", epilog=_examples("kabar db doubt --campaign weekly-market --dry-run"))(doubt.doubt)
_db.command("restore", epilog=_examples("KABAR_DATABASE_URL=postgresql:///kabar_new kabar db restore kabar-2026-11-20.dump"))(
    backup.restore
)

app.command("check", rich_help_panel=WRITE, epilog=_examples("kabar check", "KABAR_CONFIG_DIR=drafts kabar check --strict"))(config.check)
app.command("preview", rich_help_panel=WRITE, epilog=_examples("kabar preview win-back", "kabar preview win-back --customer C000123"))(
    preview.preview
)
app.command("approve", rich_help_panel=WRITE, epilog=_examples("kabar approve win-back --by dewi"))(approval.approve)
app.command(
    "send-test",
    rich_help_panel=WRITE,
    epilog=_examples(
        "kabar send-test weekly-market --to me@example.com",
        "kabar send-test kyc-rejected --to me@example.com --customer C000123 --data reason='photo unreadable'",
    ),
)(sending.send_test)

_import = _group("import", FEED, "customers, suppressions: bring in a file.")
_import.command("customers", epilog=_examples("kabar import customers examples/customers.csv"))(people.customers)
_import.command("suppressions", epilog=_examples("kabar import suppressions bounced.csv --kind address --channel email"))(
    suppression_files.bring_in
)
_list = _group("suppressions", FEED, "list, add, lift: whom and what is not written to.")
_list.command("list", epilog=_examples("kabar suppressions list --kind complaint"))(suppressions.listed)
_list.command(
    "add", epilog=_examples("kabar suppressions add --kind opt_out --channel whatsapp --customer C000123 --evidence 'call CRM-1182'")
)(suppressions.add)
_list.command("lift", epilog=_examples("kabar suppressions lift 4711 --by dewi --evidence 'letter of 20 November'"))(suppressions.lift)
app.command(
    "forget",
    rich_help_panel=FEED,
    epilog=_examples("kabar forget C000123 --reason 'request of 20 November, CRM-1182'", "kabar forget --from tombstones.jsonl"),
)(forget.forget)
app.command("readmit", rich_help_panel=FEED, epilog=_examples("kabar readmit C000123 --reason 'new account, CRM-1200'"))(forget.readmit)
app.command(
    "emit",
    rich_help_panel=FEED,
    epilog=_examples(
        "kabar emit kyc.updated --customer C000123",
        "kabar emit kyc.rejected --customer C000123 --data reason='photo unreadable'",
    ),
)(events.emit)

app.command(
    "pause",
    rich_help_panel=CONTROL,
    epilog=_examples("kabar pause --campaign win-back --reason 'wrong price'", "kabar pause --channel push", "kabar pause --all"),
)(control.pause)
app.command(
    "resume",
    rich_help_panel=CONTROL,
    epilog=_examples("kabar resume --campaign win-back", "kabar resume --channel push", "kabar resume --all"),
)(control.resume)
app.command(
    "replay",
    rich_help_panel=CONTROL,
    epilog=_examples("kabar replay --failed --campaign weekly-market", "kabar replay --failed --cause UNAVAILABLE --dry-run"),
)(replay.replay)
app.command(
    "resolve",
    rich_help_panel=CONTROL,
    epilog=_examples(
        "kabar resolve 4711 --as sent --evidence 'seen in the provider log'",
        "kabar resolve - --as failed --evidence 'ticket CRM-1182' < ids.txt",
    ),
)(resolve.resolved)
_keys = _group("keys", CONTROL, "create, list, revoke: who may call the HTTP face.")
_keys.command(
    "create",
    epilog=_examples(
        "kabar keys create crm --scope events", "kabar keys create app-backend --scope popups --scope receipts --expires 365d"
    ),
)(keys.create)
_keys.command("list", epilog=_examples("kabar keys list"))(keys.listed)
_keys.command("revoke", epilog=_examples("kabar keys revoke crm --by dewi"))(keys.revoke)

app.command("status", rich_help_panel=LOOK, epilog=_examples("kabar status", "kabar status --json | jq .lag"))(show.status)
app.command(
    "calendar",
    rich_help_panel=LOOK,
    epilog=_examples("kabar calendar", "kabar calendar --month --from 2026-12-01", "kabar calendar --json"),
)(calendar.calendar)
app.command("why", rich_help_panel=LOOK, epilog=_examples("kabar why C000123"))(why.why)
app.command(
    "failed",
    rich_help_panel=LOOK,
    epilog=_examples("kabar failed", "kabar failed --cause UNAVAILABLE", "kabar failed --unknown --ids --json"),
)(failed.failed)
app.command("audit", rich_help_panel=LOOK, epilog=_examples("kabar audit", "kabar audit --since 3d --json"))(audit.audit)
_log = _group("audit-log", LOOK, "list, head, verify: what operators did.")
_log.command("list", epilog=_examples("kabar audit-log list --since 7d --action resume", "kabar audit-log list --json"))(audit_log.listed)
_log.command("head")(audit_log.head)
_log.command("verify", epilog=_examples("kabar audit-log verify", "kabar audit-log verify --head 9f2c…"))(audit_log.verify)
_export = _group("export", LOOK, "messages, suppressions, person, tombstones: take them away as a file.")
_export.command(
    "messages",
    epilog=_examples("kabar export messages --since 2026-11-20 > messages.csv", "kabar export messages --since 2h --format jsonl"),
)(export.messages)

_export.command("person", epilog=_examples("kabar export person C000123 --reason 'access request, CRM-1182' > person.json"))(dossier.export)
_export.command("tombstones", epilog=_examples("kabar export tombstones > tombstones.jsonl"))(forget.export)
_export.command("suppressions", epilog=_examples("kabar export suppressions --full > suppressions.csv"))(suppression_files.export)

app.command(
    "rehearse",
    rich_help_panel=WRITE,
    epilog=_examples(
        "kabar rehearse --from 2026-11-20T18:30 --to 2026-11-22T12:00 --out plan.csv",
        "kabar rehearse --to 3d --config drafts --against config",
    ),
)(rehearse.rehearse)
app.command("sandbox", rich_help_panel=TRY, epilog=_examples("kabar sandbox", ". var/sandbox.env && kabar up"))(sandbox.sandbox)
app.command("demo", hidden=True)(demo.demo)


def main() -> None:
    """The console script."""
    app()
