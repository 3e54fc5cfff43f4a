"""One row of a provider's or an old suite's list to one entry of the suppression list, or to the reasons why not. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from channels.base import Channel
from config.problems import ConfigError, Problem, suggest
from config.redaction import scrub
from jobs.customers.columns import REJECT_COLUMNS, slug
from jobs.customers.contacts import e164, further, mailbox
from jobs.customers.dates import day
from jobs.customers.normalise import NOTHING, clean, customer_no
from store.suppression_load import Staged

# As providers and the suites before us call them.
_WORDS = {
    "address": ("address", "dead", "bounce", "bounced", "hard_bounce", "invalid", "mati", "alamat_mati", "tidak_valid"),
    "opt_out": ("opt_out", "optout", "unsubscribe", "unsubscribed", "unsub", "stop", "berhenti", "berhenti_berlangganan"),
    "complaint": ("complaint", "complained", "spam", "spam_complaint", "spam_report", "abuse", "keluhan"),
}
_KINDS = {word: kind for kind, words in _WORDS.items() for word in words}
KINDS = tuple(_WORDS)
_COLUMNS = {
    "kind": ("kind", "type", "jenis", "event"),
    "channel": ("channel", "saluran", "kanal"),
    "address": ("address", "email", "e_mail", "phone", "recipient", "alamat", "surel", "nomor", "no_hp"),
    "customer_no": ("customer_no", "no_nasabah", "nomor_nasabah", "kode_nasabah", "id_nasabah", "customer_id"),
    "reason": ("reason", "alasan", "description", "keterangan", "evidence"),
    "code": ("code", "kode", "status"),
    "at": ("at", "date", "created_at", "timestamp", "created", "tanggal", "waktu"),
    "lifted_at": ("lifted_at",),
}
_NAMES = {slug(word): name for name, words in _COLUMNS.items() for word in words}
_MAX_REASON = 300


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds where the file has no such column; None = the file must say it."""

    kind: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What a row is read by. file: its name, for evidence. zone: the company's, for times that name none."""

    file: str
    channels: Mapping[str, Channel]
    defaults: Defaults
    zone: ZoneInfo
    now: datetime


class RowReader:
    """Knows one file's columns; `read` is for each of its rows. Raises ConfigError for a header that cannot be used."""

    def __init__(self, context: Context, line: int, titles: Sequence[str]) -> None:
        names = [_NAMES.get(slug(title), "") for title in titles]
        if tuple(map(slug, titles[:2])) == REJECT_COLUMNS:
            names[:2] = "", ""
        faults = list(_faults(names, titles, context.defaults))
        if faults:
            raise ConfigError([Problem(context.file, line, place, fault) for place, fault in faults])
        self._places = {name: place for place, name in enumerate(names) if name}
        self._context, self._width = context, len(titles)

    def read(self, line: int, cells: Sequence[str]) -> Staged | str:
        """The entry, or why there is none."""
        if len(cells) != self._width:
            return f"the row has {len(cells)} cells, the header has {self._width} columns"
        given = {name: _said(cells[place]) for name, place in self._places.items()}
        if any("\0" in value or "\ufffd" in value for value in given.values()):
            return "the row holds characters that are no text; export the file as CSV UTF-8"
        try:
            return self._entry(line, given)
        except ValueError as error:
            return str(error)

    def _entry(self, line: int, given: Mapping[str, str]) -> Staged:
        if given.get("lifted_at"):
            raise ValueError("lifted_at: this one was lifted; leave it out")
        kind, channel = self._kind(given.get("kind", "")), self._channel(given.get("channel", ""))
        number, written = given.get("customer_no", ""), given.get("address", "")
        if bool(number) == bool(written):
            raise ValueError("a row names either an address or a customer_no" + (", not both" if number else ""))
        if number and kind == "address":
            raise ValueError("a dead address needs the address itself, not a customer_no")
        sort, value = address_of(self._context.channels[channel], written) if written else (None, None)
        return Staged(
            line=line,
            kind=kind,
            channel=None if kind == "address" else channel,
            customer_no=customer_no(number) if number else None,
            sort=sort,
            value=value,
            at=self._moment(given.get("at", "")),
            code=scrub(given.get("code", ""))[:_MAX_REASON] or None,
            # What somebody typed may hold an address; the evidence is shown to everybody.
            evidence=f"{self._context.file}:{line} {scrub(given.get('reason', ''))}"[:_MAX_REASON].strip(),
        )

    def _kind(self, word: str) -> str:
        kind = _KINDS.get(slug(word)) if word else self._context.defaults.kind
        if kind is None:
            raise ValueError(f'kind: "{word}" is none of {", ".join(KINDS)}' if word else f"kind: is missing; write {', '.join(KINDS)}")
        return kind

    def _channel(self, word: str) -> str:
        name = word.lower() or self._context.defaults.channel or ""
        if name not in self._context.channels:
            raise ValueError(
                f'channel: there is no channel "{word}"{suggest(word, self._context.channels)}' if word else "channel: is missing"
            )
        return name

    def _moment(self, text: str) -> datetime | None:
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            try:
                moment = datetime.combine(day(text), time())
            except ValueError as error:
                raise ValueError(f"at: {error}") from None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=self._context.zone)
        if moment > self._context.now:
            raise ValueError(f'at: "{text}" is in the future')
        return moment


def address_of(channel: Channel, text: str) -> tuple[str, str]:
    """(sort, value) of an address as the suppression list has it. Raises ValueError."""
    if channel.addresses is None:
        raise ValueError(f"address: {channel.name} has no addresses; name the customer_no")
    if "…" in text:
        raise ValueError("address: it is masked; export the list with --full to import it again")
    try:
        match channel.addresses:
            case "email":
                return "email", mailbox(text).lower()
            case "phone":
                return "phone", e164(text)
            case sort:
                return sort, further(sort, text)[0].value
    except ValueError as error:
        raise ValueError(f"address: {error}") from None


def _said(cell: str) -> str:
    text = clean(cell)
    return "" if text.lower() in NOTHING else text


def _faults(names: Sequence[str], titles: Sequence[str], defaults: Defaults) -> Iterator[tuple[int, str]]:
    for place, name in enumerate(names):
        if name and name in names[:place]:
            yield place + 1, f'the columns "{titles[names.index(name)]}" and "{titles[place]}" are the same one; keep one of them'
    if "address" not in names and "customer_no" not in names:
        yield 1, 'the header has neither "address" nor "customer_no"; one of them says whom a row is about'
    for name, default in (("kind", defaults.kind), ("channel", defaults.channel)):
        if name not in names and default is None:
            yield 1, f'the header has no column "{name}"; add it, or say --{name} for the whole file'
