"""Settings of the HTTP face that follow from each other, and what is no value of theirs."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from config.settings import HttpSettings


def test_links_lead_to_the_port_that_is_set_unless_they_are_told_another_address() -> None:
    assert HttpSettings().address == "http://127.0.0.1:8080"
    assert HttpSettings(port=8090).address == "http://127.0.0.1:8090"
    assert HttpSettings(port=8090, public_url="https://kabar.example.co.id/").address == "https://kabar.example.co.id"


def test_a_proxy_that_is_no_address_is_refused_with_the_way_out() -> None:
    for wrong in ("proxy.example", "10.0.0.1/24", "10.0.0.0-10.0.0.9", "*"):
        with pytest.raises(ValidationError, match=r"write 10\.0\.0\.5 or 10\.0\.0\.0/24"):
            HttpSettings(trusted_proxies=wrong)
