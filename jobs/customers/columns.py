"""The header of a customer file: which column means what. docs/customers.md lists them for people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum

from channels.registry import CHANNELS
from config.problems import ConfigError, Problem, suggest

# Names are compared as slugs: "No. Nasabah", "no_nasabah" and "NO NASABAH" are one.
_ALIASES = {
    "customer_no": ("no_nasabah", "nomor_nasabah", "kode_nasabah", "id_nasabah", "customer_number", "customer_id", "client_no"),
    "name": ("nama", "nama_nasabah", "nama_lengkap", "full_name", "customer_name"),
    "email": ("e_mail", "surel", "alamat_email", "email_address", "address_email"),
    "phone": ("hp", "no_hp", "nomor_hp", "telepon", "no_telepon", "no_telp", "handphone", "mobile", "whatsapp", "no_wa", "address_phone"),
    "push_tokens": ("push_token", "token_push", "perangkat", "devices", "address_push"),
    "locale": ("bahasa", "language"),
    "timezone": ("zona_waktu", "time_zone"),
    "portfolio_value": ("nilai_portofolio", "portofolio", "nilai_aset", "portfolio", "aum"),
    "trades_last_month": ("transaksi_bulan_lalu", "jumlah_transaksi", "frekuensi_transaksi", "trades"),
    "last_trade_on": ("transaksi_terakhir", "tanggal_transaksi_terakhir", "last_trade", "last_trade_date"),
    "birthday": ("tanggal_lahir", "tgl_lahir", "birth_date", "date_of_birth", "dob"),
    "contact_hours": ("jam_kontak", "jam_hubung", "preferensi_waktu"),
}
_FIELDS = {alias: field for field, aliases in _ALIASES.items() for alias in (field, *aliases)}
_REQUIRED = ("customer_no", "name")
# What a rejects file has in front of the customer's own columns, so that a corrected one can be imported as it is.
REJECT_COLUMNS = ("line", "reason")
_PREFIXES = re.compile(r"(?:(consent|izin|persetujuan)|(consent_hours|jam_izin|jam_persetujuan)|(address|alamat))_([a-z0-9_]+)")


class Kind(Enum):
    FIELD = "field"
    CONSENT = "consent"
    CONSENT_HOURS = "consent_hours"
    ADDRESS = "address"
    ATTRIBUTE = "attribute"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Column:
    """name: the field, channel, sort of address or attribute. title: as the file has it."""

    kind: Kind
    name: str
    title: str


def slug(title: str) -> str:
    """`No. Nasabah` → `no_nasabah`."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")


def _column(title: str) -> Column:
    key = slug(title)
    if key in _FIELDS:
        return Column(Kind.FIELD, _FIELDS[key], title)
    if not (found := _PREFIXES.fullmatch(key)):
        return Column(Kind.ATTRIBUTE, key, title)
    name = found[4]
    if found[3]:
        return Column(Kind.ADDRESS, name, title) if found[3] == "address" else Column(Kind.ATTRIBUTE, key, title)
    # "consent_hours_push" also reads as consent on a channel called hours_push.
    if found[1] and name.startswith("hours_"):
        return Column(Kind.CONSENT_HOURS, name.removeprefix("hours_"), title)
    return Column(Kind.CONSENT if found[1] else Kind.CONSENT_HOURS, name, title)


def read_header(file: str, line: int, titles: Sequence[str]) -> tuple[Column, ...]:
    """The columns of a file, in its order; blank ones at the end are dropped.

    Raises ConfigError with every fault of the header; `col` is the number of the column.
    """
    while titles and not titles[-1].strip():
        titles = titles[:-1]
    columns = [_column(" ".join(title.split())) for title in titles]
    if tuple(column.name for column in columns[:2]) == REJECT_COLUMNS:
        columns[:2] = [Column(Kind.IGNORED, column.name, column.title) for column in columns[:2]]
    faults = [(place, fault) for place, column in enumerate(columns, 1) for fault in _faults(columns[: place - 1], column, columns)]
    names = {column.name for column in columns if column.kind is Kind.FIELD}
    others = [slug(column.title) for column in columns if column.kind is Kind.ATTRIBUTE]
    faults += [(1, _missing(name, others)) for name in _REQUIRED if name not in names]
    if faults:
        raise ConfigError([Problem(file, line, place, fault) for place, fault in faults])
    return tuple(columns)


def _missing(name: str, others: Sequence[str]) -> str:
    close = get_close_matches(name, others, n=1)
    meant = f'; is "{close[0]}" meant?' if close else f"; accepted: {', '.join((name, *_ALIASES[name]))}"
    return f'the header has no column "{name}"{meant}'


def _faults(before: Sequence[Column], column: Column, everything: Sequence[Column]) -> list[str]:
    if not column.name:
        return [f'"{column.title}" is no name for a column' if column.title else "the column has no name"]
    faults = []
    if twin := next((other for other in before if (other.kind, other.name) == (column.kind, column.name)), None):
        faults.append(f'the columns "{twin.title}" and "{column.title}" are the same one; keep one of them')
    if column.kind in (Kind.CONSENT, Kind.CONSENT_HOURS) and column.name not in CHANNELS:
        meant = get_close_matches(column.name, CHANNELS, n=1)
        faults += [f'"{column.title}" names no known channel{suggest(column.name, CHANNELS)}'] if meant else []
    consents = {other.name for other in everything if other.kind is Kind.CONSENT}
    if column.kind is Kind.CONSENT_HOURS and column.name not in consents:
        faults.append(f'"{column.title}" needs the column "consent_{column.name}" beside it')
    return faults
