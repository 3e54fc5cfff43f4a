"""A mail as the customer gets it: its links count, and lead on by what the database holds."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.policy import SMTP

from jobs.clicks import follow
from tests.core.conftest import Stage
from tests.world import campaign, configure, files, person, rows

LINKS = """
template: hello
variants:
  - email: {subject: "Halo {{ first_name }}", body: "[Buka](https://example.com/{{ customer_no }}) atau [baca](https://example.com/b)"}
"""


async def test_an_offer_as_it_was_sent_leads_its_reader_on_and_is_read(stage: Stage) -> None:
    await person(stage.house.database, 1)
    await configure(stage.house, files(campaign("gift", category="promo", channels="[email]"), template=LINKS))
    await stage.until("2026-11-20 19:05")
    [delivery] = stage.provider.journal.find(channel="email")
    for kind in ("html", "plain"):
        body = message_from_bytes(delivery.raw, policy=SMTP).get_body((kind,))
        assert body is not None
        text = body.get_content()
        assert "example.com" not in text
        tokens = re.findall(r"http://127\.0\.0\.1:8080/c/([\w.-]+)", text)
        places = [await follow(stage.house, token, stage.clock.now(), counts=kind == "html") for token in tokens]
        assert places == ["https://example.com/C000001", "https://example.com/b"]
        assert len(re.findall(r"http://127\.0\.0\.1:8080/[up]/[\w.-]+", text)) == 2
    assert [row.status for row in await rows(stage.house.database, "SELECT status FROM messages")] == ["read"]
    assert len(await rows(stage.house.database, "SELECT 1 FROM interactions WHERE kind = 'clicked'")) == 2
