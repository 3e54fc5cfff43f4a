"""sandbox: the local providers, until stopped, with the settings that make Kabar talk to them."""

from __future__ import annotations

import errno
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from channels.sandbox.private import keep_private
from channels.sandbox.server import Sandbox
from config.problems import ConfigError
from config.settings import Settings
from console.cli.common import fault
from console.cli.guard import run
from console.cli.sandbox_templates import approved_templates
from jobs.customers.roster import roster
from scheduler.bootstrap import read_config
from scheduler.daemon import stop_on_signals

API_KEY = "sandbox-api-key"

Port = Annotated[int, typer.Option("--http-port", min=0, max=65535, help="FCM, WhatsApp and the page; 0 = any free one.")]
Smtp = Annotated[int, typer.Option("--smtp-port", min=0, max=65535, help="SMTP; 0 = any free one.")]
Var = Annotated[Path | None, typer.Option("--var", metavar="DIR", help="Where its files go; default: KABAR_VAR_DIR.")]
People = Annotated[
    Path | None, typer.Option("--customers", metavar="FILE", help="A customer file, so that the page knows whose address it is.")
]
Webhook = Annotated[str | None, typer.Option("--webhook", metavar="URL", help="Where WhatsApp receipts are posted; default: `kabar web`.")]

Bounces = Annotated[
    str | None,
    typer.Option("--bounces", metavar="TARGET", help="Where mail is sent back: HOST:PORT of `kabar bounces --lmtp`, or a maildir."),
]


def sandbox(
    http_port: Port = 9010,
    smtp_port: Smtp = 9025,
    var: Var = None,
    webhook: Webhook = None,
    customers: People = None,
    bounces: Bounces = None,
) -> None:
    """FCM, WhatsApp and SMTP on this machine, for trying things out: nothing leaves it. Prints the settings to use with `kabar up`."""
    settings = Settings.read()
    directory = var or settings.var_dir
    directory.mkdir(parents=True, exist_ok=True)
    people = list(roster(customers, datetime.now(UTC).date())) if customers else []
    kabar = f"http://127.0.0.1:{settings.http.port}"
    made = Sandbox(
        credentials_file=directory / "sandbox-credentials.json",
        http_port=http_port,
        smtp_port=smtp_port,
        log_file=directory / "sandbox.jsonl",
        webhook_url=webhook or f"{kabar}/v1/receipts/whatsapp",
        kabar=(kabar, _key(settings)),
        bounces_to=bounces,
    )
    for number, name, addresses in people:
        made.directory.put(number, name, addresses)
    run(_serve(made, settings, directory, http_port, smtp_port))


def _key(settings: Settings) -> str:
    """The API key Kabar is called with for the app's tokens: the one that is set, or one that goes with the others of the sandbox."""
    return settings.http.api_key.get_secret_value() if settings.http.api_key else API_KEY


async def _serve(sandbox: Sandbox, settings: Settings, directory: Path, http_port: int, smtp_port: int) -> None:
    stop = stop_on_signals()
    try:
        await sandbox.start()
    except FileExistsError as error:
        raise fault("--var", str(error)) from None
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise fault("sandbox", f"port {http_port} or {smtp_port} is taken; choose others with --http-port and --smtp-port") from None
    try:
        _show_templates(sandbox, settings.config_dir)
        _tell(sandbox, settings, directory)
        await stop.wait()
    finally:
        await sandbox.stop()


def _show_templates(sandbox: Sandbox, config_dir: Path) -> None:
    try:
        config = read_config(config_dir)
    except ConfigError:
        return  # only the page is poorer for it; `kabar check` is where mistakes are told
    for template in approved_templates(config):
        sandbox.templates.put(template)


def _tell(sandbox: Sandbox, settings: Settings, directory: Path) -> None:
    app = {"KABAR_HTTP__APP_ORIGINS": " ".join(dict.fromkeys([*settings.http.origins, sandbox.base_url]))}
    # A key of the operator's own is not repeated on the screen.
    app |= {"KABAR_HTTP__API_KEY": API_KEY} if _key(settings) == API_KEY else {}
    lines = [f"export {name}={shlex.quote(value)}" for name, value in (sandbox.environment() | app).items()]
    file = keep_private(directory / "sandbox.env")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for line in lines:
        typer.echo(line)
    typer.echo(f"# the same: . {shlex.quote(str(file))}")
    typer.echo(f"# a customer's app, with its pop-ups: {sandbox.base_url}/app")
    typer.echo(f"# what customers see: {sandbox.base_url}/")
