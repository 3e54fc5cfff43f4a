"""`kabar why` of a message that took its second channel, and of one that another follows."""

from __future__ import annotations

from channels.sandbox.faults import Rule
from tests.console.telling import told
from tests.core.conftest import Stage
from tests.core.webhooks import receive, status
from tests.world import at, campaign, configure, files, person, rows


async def test_a_change_of_channel_is_told_with_the_word_of_the_provider(stage: Stage) -> None:
    await person(stage.house.database, 1)
    stage.provider.faults.add(Rule(channel="whatsapp", kind="131026"))
    await configure(stage.house, files(campaign(channels="{first: [whatsapp, email]}")))
    await stage.until("2026-11-20 19:05")
    _, page = await told(stage.house, stage.clock.now())
    lines = [line[20:].strip() for line in page.splitlines() if line.startswith("  Fri 20 Nov")]
    assert lines[0].startswith("planned, to go by whatsapp, or else by email; worthless after")
    assert [line.partition("  [")[0] for line in lines[1:]] == [
        "released: every rule lets it go",
        "refused by the provider (android): 131026",
        "goes on by email: whatsapp did not reach the person (131026)",
        "released: every rule lets it go",
        "accepted by the provider (android)",
    ]
    assert "[config/schedules/c0.yaml:4]" in page  # its channels


async def test_what_is_to_follow_and_what_followed_is_told_on_both(stage: Stage) -> None:
    await person(stage.house.database, 1)
    two_ways = "{first: [whatsapp], then: {channel: email, after: 3h, unless: read}}"
    await configure(stage.house, files(campaign(channels=two_ways)))
    await stage.until("2026-11-20 19:05")
    _, page = await told(stage.house, stage.clock.now())
    assert "email follows Fri 20 Nov 22:00, unless it was read by then" in page
    await stage.until("2026-11-20 22:10")
    _, page = await told(stage.house, stage.clock.now())
    assert "was not read within 3h: hello by email (message 2) follows it  [config/schedules/c0.yaml:4]" in page
    assert "planned to follow hello by whatsapp, Fri 20 Nov 19:00 (message 1), which was not read within 3h; to go by email" in page
    assert "goes at the next opening, Sat 21 Nov 10:00" in page
    stage.clock.advance_to(at("2026-11-20 23:00"))
    [first] = await rows(stage.house.database, "SELECT id FROM messages WHERE channel = 'whatsapp'")
    await receive(stage, status(stage, first.id, "read"))
    _, page = await told(stage.house, stage.clock.now())
    assert "not sent: hello by whatsapp, Fri 20 Nov 19:00 (message 1) was answered in the meantime  [config/schedules/c0.yaml:4]" in page
    assert "follows Fri" not in page
