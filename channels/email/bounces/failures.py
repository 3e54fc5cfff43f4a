"""Who did not get it and what was said of each: from the fields of RFC 3464 where there are some, else from the words around an address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message

from flufl.bounce import scan_message

from channels.email.bounces.judge import NO_REASON, judge
from channels.email.bounces.letter import Headers, Letter
from channels.email.bounces.values import Finding, Grade, Judgement, Phase
from channels.email.bounces.words import phase_of, statuses

MOST = 50  # recipients of one report
SECTION = 14  # lines said of one address
SHOWN = 500
FAILED, DELAYED = frozenset({"failed", "failure", "error"}), "delayed"

_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w.-]{1,253}")
# `<address>:`, `Recipient: [SMTP:address]`, a line of its own.
_NAMED = re.compile(
    r"^(?:[\s*>-]{0,8}|.{0,40}(?:recipients?|address(?:es)?|user|failed|deliver\S* to|empf\S+|destinat\S+|penerima)"
    r"[^:\n]{0,30}:?\s*\[?(?:smtp:)?)"
    r"[<'\"(]{0,2}([\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w.-]{1,253})[>'\")\]]{0,2}",
    re.IGNORECASE | re.MULTILINE,
)


def actions(letter: Letter) -> list[str]:
    """What the report says of each recipient, lower case."""
    return [_word(values[0]) for group in letter.reports if (values := group.get("action"))]


def findings(letter: Letter) -> tuple[Finding, ...]:
    """At least one; recipient is empty where nobody is named."""
    groups = [group for group in letter.reports if _recipient(group) or "status" in group or "action" in group]
    failed = [
        group for group in groups if not group.get("action") or _word(group["action"][0]) in FAILED or _word(group["action"][0]) == DELAYED
    ]
    if failed:
        alone = len({_recipient(group) for group in failed}) == 1
        return tuple(_of_group(letter, group, alone=alone) for group in failed[:MOST])
    named = list(dict.fromkeys(_named(letter)))[:MOST]
    return tuple(_of_text(letter, name, alone=len(named) == 1) for name in named) or (_of_text(letter, "", alone=True),)


def _of_group(letter: Letter, group: Headers, *, alone: bool) -> Finding:
    recipient = _recipient(group)
    status = next(iter(statuses(" ".join(group.get("status", ())))), "")
    told = " ".join(
        value.partition(";")[2].strip() or value for name in ("diagnostic-code", "x-diagnostic-code") for value in group.get(name, ())
    )
    return _finding(letter, recipient, status, told, alone=alone)


def _of_text(letter: Letter, recipient: str, *, alone: bool) -> Finding:
    return _finding(letter, recipient, "", "", alone=alone)


def _finding(letter: Letter, recipient: str, status: str, told: str, *, alone: bool) -> Finding:
    section = _section(letter.text, recipient)
    near = " ".join((told, section)).strip()
    # Where no report tells the recipients apart, what is said to all of them is said to each.
    far = _QUOTED.sub("", letter.text) if alone or not (status or told) else ""
    phase = next((found for piece in (near, far) if (found := phase_of(piece)) is not Phase.UNSAID), Phase.UNSAID)
    verdict = _weighed(judge(near, status, phase), judge(far, status, phase))
    spoken = near or letter.text
    code = status or next(iter(statuses(spoken)), "")
    return Finding(recipient, code, " ".join(spoken.split())[:SHOWN], verdict)


# The original's own headers, quoted in the words of the bounce: their subject is ours.
_QUOTED = re.compile(
    r"^[ \t*>]*(?:subject|re|betreff|objet|sujet|oggetto|asunto|assunto|perihal|subjek|件名|主题)[ \t]*:[^\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
# What far words may say against a plain 5.1.1: a letterhead that boasts of its virus scanner takes nothing away from it.
_AGAINST_STATUS = frozenset({"mailbox_full", "disabled", "recipient_filter", "loop"})


def _weighed(near: Judgement, far: Judgement) -> Judgement:
    """What is said nearest to the recipient counts. Words further away may add a doubt, but drop nobody over what is said near."""
    if near.why.startswith("phrase") or not far.why.startswith("phrase"):
        return near if near is not NO_REASON else far
    if near.why.startswith("status:5.1.") and far.grade is Grade.SOFT and far.reason not in _AGAINST_STATUS:
        return near
    return near if near.grade is Grade.SOFT and far.grade is Grade.HARD else far


def _recipient(group: Headers) -> str:
    """The address we sent to, where the report tells it; else the one that failed in the end."""
    for name in ("original-recipient", "x-actual-recipient", "final-recipient"):
        for value in group.get(name, ()):
            if match := _ADDRESS.search(value):
                return match[0].lower()
    return ""


def _named(letter: Letter) -> Iterator[str]:
    for value in letter.every("x-failed-recipients"):
        yield from (match[0].lower() for match in _ADDRESS.finditer(value))
    scanned = _scanned(letter)
    yield from scanned or [match[1].lower() for match in _NAMED.finditer(letter.text)]


def _scanned(letter: Letter) -> list[str]:
    """flufl.bounce knows where many old servers put the address; it only ever sees their words, not a stranger's MIME."""
    message = Message()
    message["Subject"], message["From"] = letter.first("subject")[:200].encode("ascii", "replace").decode(), "mailer-daemon@localhost"
    message.set_payload("\n".join(line[:300] for line in letter.text.encode("ascii", "replace").decode().splitlines()[:120]))
    whole = {match[0].lower() for match in _ADDRESS.finditer(letter.text)}
    return sorted(whole & {found.decode("ascii", "replace").lower() for found in scan_message(message)})


def _section(text: str, recipient: str) -> str:
    """The lines about one address: from where it stands to the next one, or a blank line after something was said."""
    lines = text.splitlines()
    start = next((at for at, line in enumerate(lines) if recipient and recipient in line.lower()), None)
    if start is None:
        return ""
    taken = [lines[start]]
    for line in lines[start + 1 : start + SECTION]:
        other = _ADDRESS.search(line)
        next_one = other is not None and other[0].lower() != recipient and line.lstrip().startswith("<")
        all_said = not line.strip() and len(taken) > 1 and not taken[-1].rstrip().endswith(":")
        if next_one or all_said or _RULED.match(line):
            break
        taken.append(line)
    return "\n".join(taken)


_RULED = re.compile(r"\s*[_*=~-]{8,}")


def _word(value: str) -> str:
    return value.partition("(")[0].strip(" .;").lower()
