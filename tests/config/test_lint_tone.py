"""Tone: who is Anda and who is kamu, found word by word where it stands, and never in what nobody reads."""

from __future__ import annotations

import pytest

from config.tone import addresses
from tests.config.written import FILES, good, problems, spoilt

RULES, SEGMENTS, EVENTS, CLASS, TEMPLATE = FILES
TONE = "tone: {hnwi: anda, regular: kamu}\n"
TONED = {**FILES, RULES: FILES[RULES] + TONE}


def warnings(template: str, *, rules: str = TONE, campaign: str = FILES[CLASS]) -> list[str]:
    files = {**FILES, RULES: FILES[RULES] + rules, TEMPLATE: template, CLASS: campaign}
    return [str(one) for one in good(files).warnings]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Untuk Anda", ["Anda"]),
        ("untuk anda, ANDA, Andalah", ["anda", "ANDA", "Andalah"]),
        ("kamu, Kamu, KAMULAH, kamupun", ["kamu", "Kamu", "KAMULAH", "kamupun"]),
        ("Cek portofoliomu, datamulah", ["portofoliomu", "datamulah"]),
        ("Kau dan engkau", ["Kau", "engkau"]),
        ("Gue bilang lo hebat, elo tahu", ["lo", "elo"]),
        ("Saatnya Cek Portofoliomu", ["Portofoliomu"]),
        ("Halo!\nDatamu aman.", ["Datamu"]),
    ],
)
def test_a_word_that_addresses_the_reader_is_found(text: str, said: list[str]) -> None:
    assert [found.word for found in addresses(text)] == said


@pytest.mark.parametrize(
    "text",
    [
        "Bertemu tamu, minum jamu, mencari ilmu, jemu, semu, meramu, menemu, penemu",
        "bersama Ibu Dewi Lo dari Sidomu besok",
        "Halo {{ attributes.kamu | default('kamu') }}{% if name == 'Anda' %}!{% endif %}",
        "Buka https://www.example.co.id/kamu/datamu atau tulis ke anda@datamu.id",
        "Semoga kemuliaan-Mu nyata",
        "Premium, museum, beranda, wanda",
    ],
)
def test_words_that_only_look_like_it_are_left_alone(text: str) -> None:
    assert list(addresses(text)) == []


def test_a_segment_s_variant_with_the_wrong_word_is_told_at_the_word() -> None:
    found = warnings(FILES[TEMPLATE].replace("Untuk Anda", "Untuk kamu saja"))
    assert found == [
        'config/templates/class.yaml:4:26: warning: "kamu" says kamu; this is for hnwi, whom rules.yaml addresses as Anda; '
        "rewrite it, or write `tone: free` on this variant"
    ]


def test_a_general_variant_is_judged_by_who_is_left_for_it() -> None:
    assert warnings(FILES[TEMPLATE].replace("Halo,", "Halo, Anda semua")) == [
        'config/templates/class.yaml:8:15: warning: "Anda" says Anda; in campaign "class" regular get this, whom rules.yaml addresses '
        "as kamu; rewrite it, or write `tone: free` on this variant"
    ]
    only_hnwi = FILES[CLASS].replace("[regular, hnwi]", "[hnwi]")
    general = "template: class\nvariants:\n  - push: {title: Halo, body: Untuk Anda}\n"
    assert warnings(general, campaign=only_hnwi) == []
    assert len(warnings(general.replace("Anda", "kamu"), campaign=only_hnwi)) == 1


def test_a_text_that_both_read_is_wrong_for_one_of_them_whatever_it_says() -> None:
    general = "template: class\nvariants:\n  - push: {title: Halo, body: Untuk Anda}\n"
    assert ["regular get this" in line for line in warnings(general)] == [True]
    assert ["hnwi get this" in line for line in warnings(general.replace("Anda", "kamu"))] == [True]


def test_other_languages_free_variants_and_houses_without_tones_are_not_judged() -> None:
    wrong = FILES[TEMPLATE].replace("Untuk Anda", "Untuk kamu")
    assert warnings(wrong.replace("segment: hnwi", "segment: hnwi\n    tone: free")) == []
    assert warnings(wrong.replace("segment: hnwi", "segment: hnwi\n    locale: en")) == []
    assert warnings(wrong, rules="") == []


def test_a_tone_names_a_segment_and_one_of_two_words() -> None:
    assert any(
        "13:8" in line and 'segment "hnwy" is not defined' in line
        for line in problems({**FILES, RULES: FILES[RULES] + "tone: {hnwy: anda}\n"})
    )
    assert any('"sie" is not known here; write "anda"' in line for line in problems({**FILES, RULES: FILES[RULES] + "tone: {hnwi: sie}\n"}))
    assert any(
        '"formal" is not known here' in line for line in problems(spoilt(TEMPLATE, "segment: hnwi", "segment: hnwi\n    tone: formal"))
    )
