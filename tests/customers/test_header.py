"""The header decides what every column means."""

from __future__ import annotations

import pytest

from config.problems import ConfigError
from jobs.customers.columns import Kind, read_header


def _read(*titles: str) -> list[tuple[Kind, str]]:
    return [(column.kind, column.name) for column in read_header("people.csv", 1, titles)]


def _problems(*titles: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_header("people.csv", 1, titles)
    return [str(problem) for problem in caught.value.problems]


def test_columns_are_known_by_english_and_indonesian_names_in_any_case() -> None:
    assert _read("No. Nasabah", " NAMA ", "HP", "Nilai Portofolio", "tgl lahir") == [
        (Kind.FIELD, "customer_no"),
        (Kind.FIELD, "name"),
        (Kind.FIELD, "phone"),
        (Kind.FIELD, "portfolio_value"),
        (Kind.FIELD, "birthday"),
    ]


def test_consents_addresses_and_attributes_are_told_apart() -> None:
    assert _read("customer_no", "name", "consent_push", "Izin WhatsApp", "consent_hours_push", "address_sms", "Kota Asal")[2:] == [
        (Kind.CONSENT, "push"),
        (Kind.CONSENT, "whatsapp"),
        (Kind.CONSENT_HOURS, "push"),
        (Kind.ADDRESS, "sms"),
        (Kind.ATTRIBUTE, "kota_asal"),
    ]


def test_blank_columns_at_the_end_are_dropped() -> None:
    assert len(_read("customer_no", "name", "", " ")) == 2


def test_every_fault_of_a_header_is_named_with_its_column() -> None:
    assert _problems("nomer", "nama", "Name", "", "email", "consent_hours_push", "consent_whatsap") == [
        'people.csv:1:1: the header has no column "customer_no"; accepted: customer_no, no_nasabah, nomor_nasabah, kode_nasabah, '
        "id_nasabah, customer_number, customer_id, client_no",
        'people.csv:1:3: the columns "nama" and "Name" are the same one; keep one of them',
        "people.csv:1:4: the column has no name",
        'people.csv:1:6: "consent_hours_push" needs the column "consent_push" beside it',
        'people.csv:1:7: "consent_whatsap" names no known channel; did you mean "whatsapp"?',
    ]


def test_a_misspelt_required_column_is_recognised() -> None:
    assert _problems("custommer_no", "name") == ['people.csv:1:1: the header has no column "customer_no"; is "custommer_no" meant?']


def test_the_columns_of_a_rejects_file_are_ignored() -> None:
    assert [kind for kind, _ in _read("line", "reason", "customer_no", "name")] == [Kind.IGNORED, Kind.IGNORED, Kind.FIELD, Kind.FIELD]
