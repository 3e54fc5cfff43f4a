"""Rules that no campaign bears out, windows that never open, and audiences whose language nobody speaks."""

from __future__ import annotations

import pytest

from tests.config.written import FILES, good, problems, spoilt

RULES, SEGMENTS, EVENTS, CLASS, TEMPLATE = FILES


def warnings(files: dict[str, str]) -> list[str]:
    return [str(one) for one in good(files).warnings]


def test_the_small_configuration_disappoints_nobody() -> None:
    assert warnings(dict(FILES)) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("channel: push, max: 1", "channel: email, max: 1", "8:7: warning: this cap never counts anything: no campaign goes by email;"),
        ("category: promo, max: 4", "category: service, max: 4", '9:7: warning: this cap never counts anything: no campaign is of'),
        ("{category: promo, max: 4", "{category: promo, channel: email, max: 4", 'no campaign is of category "promo" and goes by email'),
        ("offer: true", "offer: true, ignore: [caps]", "8:7: warning: this cap holds nothing back: every campaign it is about"),
        ("channel: push, max: 1", "channel: push, max: 0", "8:7: warning: a cap of 0 lets nothing through, of class; raise it"),
    ],
)  # fmt: skip
def test_a_cap_that_does_nothing_or_stops_everything_is_told(old: str, new: str, words: str) -> None:
    assert any(words in line for line in warnings(spoilt(RULES, old, new)))


def test_a_cap_on_everything_is_about_every_campaign() -> None:
    assert warnings(spoilt(RULES, "{channel: push, max: 1", "{max: 3")) == []


@pytest.mark.parametrize(
    "hours", ["{weekdays: closed}", '{mon: ""}', '{weekends: "10:00-12:00", holidays: closed, sat: closed, sun: closed}']
)
def test_a_window_that_never_opens_is_a_mistake(hours: str) -> None:
    assert any(
        'config/rules.yaml:3:3: window "any-time" never opens' in line
        for line in problems(spoilt(RULES, "any-time: always", f"any-time: {hours}"))
    )


def test_a_window_of_holidays_alone_opens_some_time() -> None:
    assert warnings(spoilt(RULES, "any-time: always", 'any-time: {holidays: "10:00-12:00"}')) == []


def test_personal_channels_are_channels() -> None:
    found = problems({**FILES, RULES: FILES[RULES] + "personal_channels: [push, sms]\n"})
    assert found == ['config/rules.yaml:13:27: channel "sms" is not defined; known: email, push']


ENGLISH = {**FILES, SEGMENTS: FILES[SEGMENTS] + "  overseas: locale = 'en'\n"}
SPOKEN = '  - locale: en\n    push: {title: Hello, body: "{{ event.title }}"}\n'


def test_a_language_of_the_audience_that_the_template_lacks_is_told() -> None:
    assert warnings(ENGLISH) == [
        'config/schedules/class.yaml:6:11: warning: template "class" has no push in "en" for all of this audience; those who read it get '
        "another language; add a variant with `locale: en`"
    ]


def test_a_variant_in_the_language_or_an_audience_without_it_is_enough() -> None:
    assert warnings({**ENGLISH, TEMPLATE: FILES[TEMPLATE].replace("variants:\n", f"variants:\n{SPOKEN}")}) == []
    assert warnings({**ENGLISH, CLASS: FILES[CLASS].replace("not: [dormant]", "not: [overseas]")}) == []


def test_a_language_for_one_segment_is_not_one_for_all() -> None:
    partly = {
        **ENGLISH,
        TEMPLATE: FILES[TEMPLATE].replace("variants:\n", "variants:\n" + SPOKEN.replace("locale", "segment: hnwi\n    locale")),
    }
    assert len(warnings(partly)) == 1
    assert warnings({**partly, CLASS: FILES[CLASS].replace("[regular, hnwi]", "[hnwi]")}) == []
