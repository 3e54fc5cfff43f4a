"""Mail that comes back: bytes in, a frozen Reading out. No database, no clock, no exception."""

from __future__ import annotations

from dataclasses import replace
from email.utils import parseaddr

from channels.email.bounces.failures import findings
from channels.email.bounces.judge import NO_REASON
from channels.email.bounces.keys import key_of, recipients
from channels.email.bounces.letter import Letter, open_letter
from channels.email.bounces.sorts import sort_of
from channels.email.bounces.values import Finding, Grade, Judgement, Reading, Sort

SHOWN = 200  # characters of a reply that a person may see


def read(raw: bytes) -> Reading:
    """What one mail tells; any bytes at all give a Reading."""
    letter = open_letter(raw)
    sort = sort_of(letter, recipients(letter))
    key, seal = key_of(letter)
    sender = parseaddr(letter.first("from"))[1].lower()
    reading = Reading(sort, key, seal, sender, letter.first("date"))
    if sort in (Sort.BOUNCE, Sort.DELAY):
        found = findings(letter)
        return replace(reading, findings=found if sort is Sort.BOUNCE else tuple(map(_still_trying, found)))
    if sort is Sort.COMPLAINT:
        return replace(reading, findings=tuple(_complainer(letter)))
    return replace(reading, text=" ".join(letter.text.split())[:SHOWN]) if sort is Sort.REPLY else reading


def _still_trying(finding: Finding) -> Finding:
    reason = finding.judgement.reason
    return replace(finding, judgement=Judgement(Grade.SOFT, "delayed" if reason == NO_REASON.reason else reason, "still being tried"))


def _complainer(letter: Letter) -> list[Finding]:
    """Who complains, where the report does not hide it."""
    told = [
        *(letter.feedback or {}).get("original-rcpt-to", ()),
        *(letter.feedback or {}).get("removal-recipient", ()),
        *letter.returned.get("to", ()),
    ]
    named = [address for value in told if "@" in (address := parseaddr(value)[1].lower())]
    return [Finding(address, "", "", Judgement(Grade.UNDETERMINED, "complaint", "RFC 5965")) for address in named[:1]]


__all__ = ["Finding", "Grade", "Judgement", "Reading", "Sort", "read"]
