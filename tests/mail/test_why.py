"""kabar why tells of mail that came back, letter by letter."""

from __future__ import annotations

from tests.cli.conftest import Desk, customer, desk

__all__ = ["desk"]


def test_why_shows_the_evidence_of_a_dead_address_as_it_is(desk: Desk) -> None:
    customer(desk)
    desk.sql(
        """INSERT INTO suppressions (kind, sort, value, at, recorded_at, source, code, evidence)
           SELECT 'address', 'email', lower(value), now(), now(), 'bounce', 'bounce:5.1.1:user_unknown',
                  'receipt:email:kabar-1' FROM addresses WHERE sort = 'email'"""
    )
    assert "by bounce bounce:5.1.1:user_unknown: receipt:email:kabar-1" in desk.kabar("why", "C000001").stdout
