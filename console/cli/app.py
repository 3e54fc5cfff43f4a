"""The `kabar` command: every command, in groups, with examples."""

from __future__ import annotations

import typer

from config.logging import configure_logging
from config.settings import Settings
from console.cli import (
    approval,
    audit,
    bounces,
    calendar,
    config,
    control,
    db,
    demo,
    events,
    export,
    people,
    preview,
    rehearse,
    replay,
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
_db = _group("db", RUN, "upgrade: bring the schema of the database up to date.")
_db.command("upgrade")(db.upgrade)

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
app.command("replay", rich_help_panel=CONTROL, epilog=_examples("kabar replay --failed --campaign weekly-market"))(replay.replay)

app.command("status", rich_help_panel=LOOK, epilog=_examples("kabar status", "kabar status --json | jq .lag"))(show.status)
app.command(
    "calendar",
    rich_help_panel=LOOK,
    epilog=_examples("kabar calendar", "kabar calendar --month --from 2026-12-01", "kabar calendar --json"),
)(calendar.calendar)
app.command("why", rich_help_panel=LOOK, epilog=_examples("kabar why C000123"))(why.why)
app.command("audit", rich_help_panel=LOOK, epilog=_examples("kabar audit", "kabar audit --since 3d --json"))(audit.audit)
_export = _group("export", LOOK, "messages, suppressions: take them away as a file.")
_export.command(
    "messages",
    epilog=_examples("kabar export messages --since 2026-11-20 > messages.csv", "kabar export messages --since 2h --format jsonl"),
)(export.messages)

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
