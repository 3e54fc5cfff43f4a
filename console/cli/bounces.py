"""bounces: takes in mail that came back, by LMTP or from a maildir; and says what it makes of one mail."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from channels.email.bounces import Grade, Reading, Sort, read
from channels.email.settings import EmailSettings
from config.printable import printable
from config.redaction import scrub
from config.settings import Settings
from console.cli.common import fault
from console.cli.guard import run
from console.mail.intake import Intake
from console.mail.maildir import SETTING, drain
from console.mail.serve import Doors, doors, keep_open
from scheduler.bootstrap import open_house
from scheduler.daemon import stop_on_signals
from store.timeline import masked

Box = Annotated[Path | None, typer.Option("--maildir", metavar="DIR", help="Read what comes into this maildir.")]
Place = Annotated[str | None, typer.Option("--lmtp", metavar="HOST:PORT", help="Take mail in by LMTP, from your mail server.")]
Once = Annotated[bool, typer.Option("--once", help="Read what the maildir holds now, and end.")]
Explain = Annotated[Path | None, typer.Option("--explain", metavar="FILE", help="Say what is made of one mail, and why. Changes nothing.")]

_DOES = {
    Sort.DELAY: "nothing: it is still being tried",
    Sort.DELIVERED: "the message becomes delivered",
    Sort.COMPLAINT: "no more offers by e-mail to this person",
    Sort.UNSUBSCRIBE: "no more offers by e-mail to this person",
    Sort.CHALLENGE: "nothing: a program asks who we are",
    Sort.AUTO_REPLY: "nothing: a program answers for an absent person",
    Sort.REPLY: "kept as a reply of the customer, where it answers a message of ours",
}
_BOUNCED = {
    Grade.HARD: "the message fails and the address is dropped, if the seal is ours and nobody read the message",
    Grade.SOFT: "the message fails; the address stays, unless this goes on",
    Grade.UNDETERMINED: "the message fails; the address stays",
}


def bounces(maildir: Box = None, lmtp: Place = None, once: Once = False, explain: Explain = None) -> None:
    """Take in mail that came back: bounces, complaints, unsubscribing. Without options as KABAR_EMAIL__BOUNCE_MAILDIR and _LMTP say."""
    if explain is not None:
        typer.echo(printable("\n".join(_explained(read(explain.read_bytes())))))
        return
    settings = EmailSettings.read()
    box, place = (maildir, lmtp) if maildir or lmtp else (settings.bounce_maildir, settings.bounce_lmtp)
    if box is None and place is None:
        raise fault(SETTING, "says where returned mail is found; set it, or KABAR_EMAIL__BOUNCE_LMTP, or give --maildir or --lmtp")
    if once and box is None:
        raise fault("--once", "reads a maildir; give --maildir DIR")
    with doors(box, None if once else place) as found:
        run(_bounces(Settings.read(), found, once=once))


async def _bounces(settings: Settings, found: Doors, *, once: bool) -> None:
    stop = stop_on_signals()
    async with open_house(settings) as house:
        if not once or found.maildir is None:
            await keep_open(house, found, stop)
            return
        intake = Intake(house)
        done = await drain(found.maildir, intake, stop)
    typer.echo(", ".join(f"{count} {name}" for name, count in sorted(intake.taken.items())) or "nothing there")
    if not done:
        raise fault("KABAR_DATABASE_URL", "the database is away; what was not read waits in new/")


def _explained(reading: Reading) -> list[str]:
    lines = [f"sort       {reading.sort}", f"message    {reading.key or 'none of ours'}{', with a seal' if reading.seal else ''}"]
    for finding in reading.findings:
        verdict = finding.judgement
        lines += [
            f"recipient  {masked('email', finding.recipient) if finding.recipient else 'nobody is named'}",
            f"  grade    {verdict.grade}, {verdict.reason}",
            f"  by       {verdict.why}",
            f"  status   {finding.status or 'none'}",
            f"  words    {scrub(finding.words)}",
        ]
    does = _BOUNCED[reading.grade] if reading.sort is Sort.BOUNCE else _DOES[reading.sort]
    return [*lines, f"does       {does if reading.key else 'nothing: it names no message of ours'}"]
