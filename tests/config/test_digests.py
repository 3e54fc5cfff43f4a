"""What is wrong with a digest is said where it stands; and an approval covers the words of the digest, too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config.digests import digest_variant
from config.loader import parse
from scheduler.bootstrap import contents
from tests.config.written import FILES, good, problems

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
MANY = """\
template: many
variants:
  - segment: hnwi
    push: {title: "{{ digest.count }} kabar untuk Anda", body: "{{ digest.titles }}"}
  - push: {title: "{{ digest.count }} kabar", body: "{{ digest.titles }}"}
"""
RULES = FILES["rules.yaml"].replace("offer: true}", "offer: true, digest: {within: 12h, template: many}}")
OTHER = FILES["schedules/class.yaml"].replace("campaign: class", "campaign: other")


def digested(many: str = MANY, rules: str = RULES, **more: str) -> dict[str, str]:
    return {
        **FILES,
        "rules.yaml": rules,
        "templates/many.yaml": many,
        **{path.replace("__", "/") + ".yaml": text for path, text in more.items()},
    }


def test_a_digest_that_speaks_to_everybody_is_in_order() -> None:
    config = good(digested())
    template = config.templates["many"]
    regular = config.templates["class"].variants[1]
    assert digest_variant(template, regular, "push") == template.variants[1]
    assert digest_variant(template, config.templates["class"].variants[0], "push") == template.variants[0]
    assert digest_variant(template, regular, "email") is None


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("template: many\n", "template: mny\n", "rules.yaml:12:70", 'template "many" is not defined'),
        (
            "{{ digest.count }}",
            "{{ digest.cuont }}",
            "templates/many.yaml:4:23",
            'digest.cuont: a digest has no "cuont"; did you mean "count"?',
        ),
        ("{{ digest.titles }}", "{{ event.title }}", "templates/many.yaml:4:68", "event.title: a digest is about several messages"),
        ("{{ digest.titles }}", "{{ digest }}", "templates/many.yaml:4:68", '"digest" is not a value; write digest.<key>'),
        (
            "  - push:",
            "  - locale: en\n    push:",
            "templates/many.yaml:2:1",
            "this digest has no push for everybody, for whom config/temp",
        ),
    ],
)
def test_a_mistake_in_a_digest_is_told_with_its_place(old: str, new: str, place: str, words: str) -> None:
    first = problems(digested(MANY.replace(old, new, 1)))[0]
    assert first.startswith(f"config/{place}: {words}")


def test_a_digest_on_none_of_the_channels_is_told() -> None:
    mail = re.sub(r"push: \{title: (.*), body:", r"email: {subject: \1, body:", MANY)
    assert problems(digested(mail)) == [
        'config/rules.yaml:12:70: template "many" speaks on email, and campaigns of category "promo" go by push: '
        "nothing would ever be merged; add one of these"
    ]


def test_a_digest_is_shown_only_by_the_template_of_a_digest() -> None:
    [problem] = problems(digested(rules=FILES["rules.yaml"]))[:1]
    assert problem == (
        "config/templates/many.yaml:4:23: digest.count: only the template of a digest has it "
        "(rules.yaml: categories.<name>.digest.template)"
    )


def test_a_campaign_does_not_speak_with_the_words_of_a_digest() -> None:
    other = OTHER.replace("template: class", "template: many")
    assert problems(digested(schedules__other=other)) == [
        'config/schedules/other.yaml:6:11: template "many" is the digest of a category; give the campaign a template of its own'
    ]


def test_an_approval_covers_the_digest_of_the_category_and_of_no_other() -> None:
    service = {"schedules__other": OTHER.replace("category: promo", "category: service")}
    before, plain = (
        good(digested(**service)),
        good(
            digested(rules=FILES["rules.yaml"], many=FILES["templates/class.yaml"].replace("template: class", "template: many"), **service)
        ),
    )
    after = good(digested(MANY.replace("kabar untuk", "berita untuk"), **service))
    assert len({each.content_hash("class") for each in (before, after, plain)}) == 3
    assert len({each.content_hash("other") for each in (before, after, plain)}) == 1


def test_the_example_of_the_page_is_in_order() -> None:
    [section] = re.findall(r"### A digest\n(.*?)\n## ", PAGE, re.DOTALL)
    written = dict(re.findall(r"```yaml\n# config/(\S+)\n(.*?)```", section, re.DOTALL))
    assert set(written) >= {"rules.yaml", "templates/promo-digest.yaml"}
    config = parse(written, contents())
    digest = config.rules.categories["promo"].digest
    assert digest is not None
    assert digest.template == "promo-digest"
