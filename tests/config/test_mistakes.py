"""Every mistake is found, at the place where it was made, with a way out."""

from __future__ import annotations

import pytest

from tests.config.written import FILES, good, problems, spoilt

RULES, SEGMENTS, EVENTS, CLASS, TEMPLATE = FILES


def test_the_small_configuration_is_in_order() -> None:
    assert list(good().campaigns) == ["class"]


@pytest.mark.parametrize(
    ("path", "old", "new", "place", "words"),
    [
        # one file, its grammar
        (RULES, "gap: 2h", "gpa: 2h", "6:3", 'unknown key "gpa"; did you mean "gap"?'),
        (RULES, "gap: 2h", "gap: 2", "6:8", '"2" is not a duration; write 45m, 2h'),
        (RULES, "max: 1", "max: one", "8:28", '"one" is not a whole number'),
        (RULES, "per: day", "per: fortnight", "8:36", "is not a period; write day, week"),
        (RULES, "max: 1, per: day", "max: 1", "8:7", '"per" is missing'),
        (RULES, '"19:00-21:30"', '"19:00-25:30"', "2:17", '"25:30" is not a time of day'),
        (RULES, "any-time: always", "any-time: {weekday: x}", "3:13", 'a window has no "weekday"'),
        (RULES, "any-time: always", "Any Time: always", "3:3", "is not a name"),
        (RULES, "[window, gap, caps]", "[window, gpa]", "11:45", '"gpa" is not known here; write "window"'),
        (RULES, "windows:", "holidays: {country: XX}\nwindows:", "1:21", 'no holidays are known for country "XX"'),
        (RULES, "windows:", "timezone: Asia/Jakrta\nwindows:", "1:11", "is not a time zone"),
        (CLASS, "owner: marcomm", "owner: marcomm\nqueue_for: 8d", "8:12", "`queue_for` is longer than `expires`"),
        (CLASS, "campaign: class", "campaign: Class One", "1:11", '"Class One" is not a name'),
        (CLASS, "owner: marcomm", "ownr: marcomm", "7:1", 'unknown key "ownr"; did you mean "owner"?'),
        (CLASS, "owner: marcomm\n", "", "1:1", '"owner" is missing'),
        (CLASS, "{before: class, by: 1h}", "{cron: '0 9 * * 1'}", "5:14", 'cron weekday "1" is numeric'),
        (CLASS, "{before: class, by: 1h}", "{cron: '0 25 * * mon'}", "5:14", "higher than the maximum"),
        (CLASS, "{before: class, by: 1h}", "{cron: '0 9 31 feb *'}", "5:14", "no month has"),
        (CLASS, "{before: class, by: 1h}", "{at: '2026-11-20T19:00+07:00'}", "5:12", "without an offset"),
        (CLASS, "{before: class, by: 1h}", "{at: tomorrow}", "5:12", "is not a date and time such as"),
        (CLASS, "{before: class, by: 1h}", "{before: class, event: x}", "5:7", "needs exactly one of"),
        (CLASS, "{before: class, by: 1h}", "{every: 1d, by: 1h}", "5:7", "`by` is the distance from a business event"),
        (CLASS, "channels: [push]", "channels: [push, push]", "4:11", "a channel is named twice"),
        (CLASS, "not: [dormant]", "nto: [dormant]", "3:34", 'unknown key "nto"; did you mean "not"?'),
        (EVENTS, 'at: "2026-11-21 11:00"', "at: noon", "4:12", "is not a date and time"),
        (TEMPLATE, "title: \"Hai {{ first_name }}\"\n      ", "", "5:5", '"title" is missing'),
        (TEMPLATE, "title: \"Hai", "titel: \"Hai", "6:7", 'unknown key "titel"; did you mean "title"?'),
        (TEMPLATE, "segment: hnwi", "segmen: hnwi", "3:5", 'unknown channel "segmen"; did you mean "segment"?'),
        (TEMPLATE, "  - push:", "  - image: x\n    push:", "5:5", 'unknown channel "image"'),
        (TEMPLATE, 'title: "Untuk Anda"', 'title: "Untuk Anda", image: "http://x.id/a.jpg"', "4:40", "write https://"),
        (TEMPLATE, "variants:", "varian:", "2:1", 'unknown key "varian"; did you mean "variants"?'),
        # names that other files should define
        (RULES, "windows:", "personal_channels: [email, psh]\nwindows:", "1:28", 'channel "psh" is not defined; did you mean "push"?'),
        (RULES, "regular: after-office,", "regulr: after-office,", "4:19", 'segment "regulr" is not defined; did you mean "regular"?'),
        (RULES, "regular: after-office,", "regular: weeknight,", "4:28", 'window "weeknight" is not defined; known: after-office'),
        (RULES, "channel: push", "channel: psh", "8:17", 'channel "psh" is not defined; did you mean "push"?'),
        (RULES, "category: promo", "category: promos", "9:18", 'category "promos" is not defined; did you mean "promo"?'),
        (CLASS, "category: promo", "category: prmo", "2:11", 'category "prmo" is not defined; did you mean "promo"?'),
        (CLASS, "[regular, hnwi]", "[regular, hnwy]", "3:27", 'segment "hnwy" is not defined; did you mean "hnwi"?'),
        (CLASS, "not: [dormant]", "not: [dorman]", "3:40", 'segment "dorman" is not defined; did you mean "dormant"?'),
        (CLASS, "channels: [push]", "channels: [push, sms]", "4:18", 'channel "sms" is not defined; known: email, push'),
        (CLASS, "owner: marcomm", "owner: marcomm\nwindow: weeknight", "8:9", 'window "weeknight" is not defined'),
        (CLASS, "template: class", "template: clas", "6:11", 'template "clas" is not defined; did you mean "class"?'),
        (CLASS, "before: class", "before: clazz", "5:16", 'business event "clazz" is not defined; did you mean "class"?'),
        (CLASS, "{before: class, by: 1h}", "{event: kyc.rejectd}", "5:15", 'did you mean "kyc.rejected"?'),
        (TEMPLATE, "segment: hnwi", "segment: hnwl", "3:14", 'segment "hnwl" is not defined; did you mean "hnwi"?'),
        # what templates may hold
        (TEMPLATE, "{{ first_name }}", "{{ frist_name }}", "6:22", 'unknown name "frist_name"; did you mean "first_name"?'),
        (TEMPLATE, "event.at | jam", "event.at | jm", "9:45", 'unknown filter "jm"; did you mean "jam"?'),
        (TEMPLATE, "event.at | jam", "open('x')", "9:34", "a call is not allowed in a template"),
        (TEMPLATE, "{{ first_name }}", "{{ attributes.rm }}", "6:22", "not every customer has this attribute"),
        (TEMPLATE, "{{ event.title }} jam", "{{ event.titel }} jam", "9:12", 'has no "titel"; did you mean "title"?'),
        (TEMPLATE, "event.at | jam", "event.host", "9:34", None),
        # what campaigns and templates owe each other
        (CLASS, "channels: [push]", "channels: [email]", "6:11", 'has no email for segment "regular"'),
        (CLASS, "channels: [push]", "channels: {first: [push, email]}", "6:11", "has no email and push for segment"),
        (CLASS, "[push]", "{first: [push], then: {channel: email, after: 2h, unless: read}}", "6:11", "has no email and push for"),
        (TEMPLATE, "  - push:", "  - locale: id\n    push:", None, 'has no push for segment "regular"'),
        (TEMPLATE, "segment: hnwi\n    push", "push", "4:5", "nobody gets this push: the variant on line 3 fits first"),
        (CLASS, "not: [dormant]", "not: [hnwi, regular]", "3:1", "nobody can ever be in this audience"),
        (CLASS, "any: [regular, hnwi]", "all: [regular, hnwi]", "3:1", "nobody can ever be in this audience"),
        (RULES, "regular: after-office, hnwi", "hnwi", None, "so has no window"),
    ],
)  # fmt: skip
def test_a_mistake_is_shown_where_it_stands(path: str, old: str, new: str, place: str | None, words: str | None) -> None:
    found = problems(spoilt(path, old, new))
    if words is None:
        assert 'config/events.yaml:4:7: this event has no "host", which config/templates/class.yaml:9 shows' in found[0]
        return
    wanted = f"config/{path}:{place}: " if place else "config/"
    assert any(line.startswith(wanted) and words in line for line in found), found


@pytest.mark.parametrize(
    ("written", "place", "words"),
    [
        (
            "{all: [push], then: {channel: email, after: 2h, unless: read}}",
            "4:11",
            "`then` follows one message; write {first: [push], then",
        ),
        ("{first: [push, email], then: {channel: email, after: 2h, unless: clicked}}", "4:11", "a channel is named twice"),
        ("{first: [push], then: {channel: sms, after: 2h, unless: read}}", "4:43", 'channel "sms" is not defined'),
        ("{first: [push], then: {channel: email, after: 0s, unless: read}}", "4:57", "gives people time to answer"),
        ("{first: [push], then: {channel: email, after: 7d, unless: read}}", "4:57", "is worthless after 7d (expires), so nothing follows"),
        ("{first: [push], then: {channel: email, after: 2h, unless: delivered}}", "4:69", "by push was delivered; write clicked or read"),
        ("{first: [email], then: {channel: push, after: 2h, unless: read}}", "4:69", "by email was read; write clicked"),
        ("{first: [push], then: {channel: email, after: 2h, unless: seen}}", "4:69", '"seen" is not known here'),
        ("{first: [push], then: {channel: email, unless: read}}", "4:27", '"after" is missing'),
    ],
)
def test_a_follow_up_that_makes_no_sense_is_refused(written: str, place: str, words: str) -> None:
    found = problems(spoilt(CLASS, "channels: [push]", f"channels: {written}"))
    assert any(line.startswith(f"config/{CLASS}:{place}: ") and words in line for line in found), found


def test_a_mistake_draws_no_others_after_it() -> None:
    for path, old, new in [(RULES, "gap: 2h", "gap: 2"), (SEGMENTS, "hnwi: portfolio", "hnwi: portfoli"), (TEMPLATE, "title:", "titel:")]:
        assert len({line.split(":")[0] for line in problems(spoilt(path, old, new))}) == 1


def test_all_mistakes_of_all_files_are_listed_at_once() -> None:
    files = {
        **spoilt(RULES, "gap: 2h", "gpa: 2h"),
        SEGMENTS: FILES[SEGMENTS].replace("portfolio_value <", "lower(name) <").replace("today", "tomorrow"),
        CLASS: FILES[CLASS].replace("1h", "soon").replace("owner", "ownr"),
        "templates/other.yaml": "template: class\nvariants: []\n",
        "rule.yaml": "a: 1",
    }
    found = problems(files)
    assert [line.split(" ")[0] for line in found] == [
        "config/rule.yaml:",
        "config/rules.yaml:6:3:",
        "config/schedules/class.yaml:1:1:",
        "config/schedules/class.yaml:5:27:",
        "config/schedules/class.yaml:7:1:",
        "config/segments.yaml:3:12:",
        "config/segments.yaml:4:28:",
        "config/templates/other.yaml:1:11:",
    ]


def test_two_campaigns_of_one_name_are_refused() -> None:
    found = problems({**FILES, "schedules/again.yaml": FILES[CLASS]})
    assert found == ['config/schedules/class.yaml:1:11: campaign "class" is already defined in config/schedules/again.yaml:1; rename one']


def test_an_account_needs_a_channel_and_a_name_of_its_own() -> None:
    accounts = "accounts:\n  - {name: push, provider: fcm, channel: psh}\n  - {name: b, provider: x, channel: push, rate: 0}\n"
    assert any("channels.yaml:3:49" in line and "greater than 0" in line for line in problems({**FILES, "channels.yaml": accounts}))
    found = problems({**FILES, "channels.yaml": accounts.replace("rate: 0", "rate: 1")})
    assert [line.split(": ")[0] for line in found] == ["config/channels.yaml:2:12", "config/channels.yaml:2:42"]


def test_without_rules_nothing_loads() -> None:
    assert problems({SEGMENTS: FILES[SEGMENTS]}) == ["config/rules.yaml: there is no rules.yaml; it says the windows and the categories"]


def test_a_default_lets_an_event_lack_a_value() -> None:
    good(spoilt(TEMPLATE, "event.at | jam", "event.host | default('kami')"))
