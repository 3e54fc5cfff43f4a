"""sandbox: the local providers, until stopped, with the settings that make Kabar talk to them."""

from __future__ import annotations

import errno
import shlex
from pathlib import Path
from typing import Annotated

import typer

from channels.sandbox.server import Sandbox
from config.problems import ConfigError
from config.settings import Settings
from console.cli.common import fault
from console.cli.guard import run
from console.cli.sandbox_templates import approved_templates
from scheduler.bootstrap import read_config
from scheduler.daemon import stop_on_signals

Port = Annotated[int, typer.Option("--http-port", min=0, max=65535, help="FCM, WhatsApp and the page; 0 = any free one.")]
Smtp = Annotated[int, typer.Option("--smtp-port", min=0, max=65535, help="SMTP; 0 = any free one.")]
Var = Annotated[Path | None, typer.Option("--var", metavar="DIR", help="Where its files go; default: KABAR_VAR_DIR.")]
Webhook = Annotated[str | None, typer.Option("--webhook", metavar="URL", help="Where WhatsApp receipts are posted; default: `kabar web`.")]

Bounces = Annotated[
    str | None,
    typer.Option("--bounces", metavar="TARGET", help="Where mail is sent back: HOST:PORT of `kabar bounces --lmtp`, or a maildir."),
]


def sandbox(http_port: Port = 9010, smtp_port: Smtp = 9025, var: Var = None, webhook: Webhook = None, bounces: Bounces = None) -> None:
    """FCM, WhatsApp and SMTP on this machine, for trying things out: nothing leaves it. Prints the settings to use with `kabar up`."""
    settings = Settings.read()
    directory = var or settings.var_dir
    directory.mkdir(parents=True, exist_ok=True)
    url = webhook or f"http://127.0.0.1:{settings.http.port}/v1/receipts/whatsapp"
    run(_serve(settings.config_dir, directory, http_port, smtp_port, url, bounces))


async def _serve(config_dir: Path, directory: Path, http_port: int, smtp_port: int, webhook: str, bounces: str | None) -> None:
    stop = stop_on_signals()
    sandbox = Sandbox(
        credentials_file=directory / "sandbox-credentials.json",
        http_port=http_port,
        smtp_port=smtp_port,
        log_file=directory / "sandbox.jsonl",
        webhook_url=webhook,
        bounces_to=bounces,
    )
    try:
        await sandbox.start()
    except FileExistsError as error:
        raise fault("--var", str(error)) from None
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise fault("sandbox", f"port {http_port} or {smtp_port} is taken; choose others with --http-port and --smtp-port") from None
    try:
        _show_templates(sandbox, config_dir)
        _tell(sandbox, directory)
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


def _tell(sandbox: Sandbox, directory: Path) -> None:
    lines = [f"export {name}={shlex.quote(value)}" for name, value in sandbox.environment().items()]
    file = directory / "sandbox.env"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for line in lines:
        typer.echo(line)
    typer.echo(f"# the same: . {shlex.quote(str(file))}")
    typer.echo(f"# what customers see: {sandbox.base_url}/")
