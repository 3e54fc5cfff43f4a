"""What campaigns say on WhatsApp, held against the templates Meta has approved, where `kabar check` reads them."""

from __future__ import annotations

import json

import pytest

from config.loader import Config, parse
from config.problems import ConfigError
from scheduler.bootstrap import contents
from tests.world import campaign, files

DECLARED = """
templates:
  - name: hello
    header: image
    body: "Halo {{1}}, kelas {{2}} dimulai. Sampai jumpa!"
    footer: Balas BERHENTI
    buttons:
      - {kind: url, label: Lihat, url: "https://www.example.co.id/kelas/{{1}}"}
      - {kind: quick_reply, label: Berhenti}
  - {name: plain, language: en, body: "Hello {{nama}}!"}
"""
GOOD = """
template: hello
variants:
  - whatsapp:
      name: hello
      header_image: https://cdn.example.co.id/a.png
      parameters: ["{{ first_name }}", "09:00"]
      buttons: [{kind: url, value: live}, {kind: quick_reply, value: STOP}]
      text: |
        Halo {{ first_name }}, kelas 09:00 dimulai.
        Sampai jumpa!
"""


def read(template: str = GOOD, declared: str | None = DECLARED) -> Config:
    written = files(campaign(channels="[whatsapp]"), template=template)
    return parse(written | ({"whatsapp-templates.yaml": declared} if declared else {}), contents())


def warnings(config: Config) -> list[str]:
    """Those about templates, without what the little world's rules are warned of."""
    return [str(warning).removeprefix("config/templates/") for warning in config.warnings if "/templates/" in str(warning)]


def mistakes(template: str = GOOD, declared: str = DECLARED) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(template, declared)
    return [str(problem).removeprefix("config/") for problem in caught.value.problems]


def test_words_that_fit_their_template_are_good() -> None:
    assert warnings(read()) == []


def test_without_the_file_one_warning_says_that_nobody_checks() -> None:
    [warning] = warnings(read(declared=None))
    assert warning.startswith("hello.yaml:4:5: warning: there is no whatsapp-templates.yaml")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("name: hello", "name: helo"), '5:13: template "helo" is not declared; did you mean "hello"?'),
        (("name: hello\n", "name: hello\n      language: en\n"), '6:17: template "hello" is not declared in "en"; it is in id;'),
        (("      header_image: https://cdn.example.co.id/a.png\n", ""), '"hello" (id) has an image above its text; write header_image:'),
        ((', "09:00"]', "]"), '7:19: "hello" (id) has 2 places and is given 1 parameters; write one for each of {{1}}, {{2}}'),
        (('"09:00"]', "{name: jam, text: x}]"), '"hello" (id) has the places {{1}}, {{2}}; write `name:` and `text:` for each name'),
        (("kelas 09:00 dimulai", "kelas 9:00 dimulai"), '10:38: this is not what customers will read: from here the approved body'),
        (("Sampai jumpa!", "Sampai jumpa! Ya."), '11:23: this is not what customers will read'),
        (("kind: url, value: live", "kind: url"), "8:17: button 1 of \"hello\" (id) opens https://www.example.co.id/kelas/{{1}}; write"),
        (("{kind: url, value: live}, ", ""), '8:24: button 1 of "hello" (id) is a url; write kind: url'),
        (("STOP}]", "STOP}, {kind: quick_reply}]"), '8:77: "hello" (id) has 2 buttons; leave this one out'),
        (("value: live", f"value: {'x' * 1990}"), "8:36: the address of button 1 of"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_where_it_stands_with_the_way_out(change: tuple[str, str], told: str) -> None:
    assert change[0] in GOOD
    spoilt = GOOD.replace(*change)
    assert any(told in line for line in mistakes(spoilt)), mistakes(spoilt)


def test_what_is_too_long_with_long_values_only_is_a_warning() -> None:
    long = "x" * 970
    [warning] = warnings(read(GOOD.replace('"09:00"]', f'"{long}"]').replace("09:00 dimulai", f"{long} dimulai")))
    assert warning.startswith('hello.yaml:7:19: warning: the body of "hello" (id) with values of 60 characters is 1066 characters long')


def test_metas_limits_on_the_template_itself_are_told_in_its_file() -> None:
    spoilt = DECLARED.replace("Lihat", "L" * 26).replace("Balas BERHENTI", "B" * 61).replace("{{2}}", "{{3}}")
    found = mistakes(declared=spoilt)
    assert [line.split(" ")[0] for line in found] == [f"whatsapp-templates.yaml:{place}:" for place in ("5:11", "6:13", "8:28")]
    assert "number them from 1 without a gap" in found[0]


def test_named_places_are_filled_by_name() -> None:
    named = """
template: hello
variants:
  - whatsapp: {name: plain, language: en, parameters: [{name: nama, text: "{{ name }}"}], text: "Hello {{ name }}!"}
"""
    assert warnings(read(named)) == []
    assert any("has the places {{nama}}" in line for line in mistakes(named.replace("name: nama", "name: name")))


def test_metas_own_list_is_read_as_it_is_pasted() -> None:
    buttons = [
        {"type": "URL", "text": "Lihat", "url": "https://www.example.co.id/kelas/{{1}}", "example": ["https://www.example.co.id/kelas/a"]},
        {"type": "QUICK_REPLY", "text": "Berhenti"},
    ]
    components = [
        {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["https://…"]}},
        {"type": "BODY", "text": "Halo {{1}}, kelas {{2}} dimulai. Sampai jumpa!", "example": {"body_text": [["Budi", "09:00"]]}},
        {"type": "FOOTER", "text": "Balas BERHENTI \N{SMILING FACE WITH SMILING EYES}"},
        {"type": "BUTTONS", "buttons": buttons},
    ]
    listed = {"name": "hello", "language": "id", "status": "PAUSED", "category": "MARKETING", "components": components, "id": "1"}
    pasted = json.dumps({"data": [listed], "paging": {"cursors": {"before": "a", "after": "b"}}})
    config = read(declared=pasted)
    assert warnings(config) == ['hello.yaml:5:13: warning: Meta has "hello" (id) as PAUSED: it is refused until it is approved']
    [shape] = config.companions["whatsapp-templates"].model_dump()["templates"]
    assert (shape["header"], shape["footer"]) == ("image", "Balas BERHENTI \N{SMILING FACE WITH SMILING EYES}")


def test_another_approved_body_asks_for_another_approval() -> None:
    other = DECLARED.replace("Balas BERHENTI", "Balas STOP")
    elsewhere = DECLARED.replace("Hello {{nama}}!", "Hi {{nama}}!")
    hashes = [read(declared=declared).content_hash("hello") for declared in (DECLARED, other, elsewhere)]
    assert hashes[0] != hashes[1]
    assert hashes[0] == hashes[2]
