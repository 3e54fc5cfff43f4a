"""The whole way round: sent, taken, sent back by LMTP, kept, applied, told."""

from __future__ import annotations

import pytest

from channels.sandbox.faults import Rule
from jobs.receipts import apply_receipts
from tests.core.conftest import Stage, stage
from tests.mail.test_lmtp import open_port
from tests.world import campaign, configure, files, person, rows

__all__ = ["stage"]


@pytest.mark.parametrize(
    ("kind", "status", "reason", "listed"),
    [
        ("550 5.1.1 User unknown", "failed", "bounce:5.1.1:user_unknown", ["address"]),
        ("552 5.2.2 Mailbox full", "failed", "bounce:5.2.2:mailbox_full", []),
        ("complaint", "sent", None, ["complaint"]),
    ],
)
async def test_a_mail_that_is_taken_and_sent_back_by_lmtp_ends_where_it_should(
    stage: Stage, kind: str, status: str, reason: str | None, listed: list[str]
) -> None:
    house = stage.house
    await person(house.database, 1)
    await configure(house, files(campaign(channels="[email]")))
    async with open_port(house) as (port, _, _server):
        stage.provider.returns.target = f"127.0.0.1:{port}"
        stage.provider.faults.add(Rule(channel="email", kind=kind, stage="bounce"))
        await stage.until("2026-11-20 19:05")
        await stage.provider.returns.settled()
    while await apply_receipts(house, house.clock.now()):
        pass
    [message] = await rows(house.database, "SELECT status, reason FROM messages")
    assert (message.status, message.reason) == (status, reason)
    assert [row.kind for row in await rows(house.database, "SELECT kind FROM suppressions")] == listed
