"""A masked export of the suppression list is no list of addresses."""

from __future__ import annotations

import pytest

from channels.registry import CHANNELS
from jobs.suppressions.rows import address_of


@pytest.mark.parametrize("channel, address", [("email", "c…2@example.net"), ("whatsapp", "+62…01")])
def test_a_masked_address_is_refused_with_the_way_out(channel: str, address: str) -> None:
    with pytest.raises(ValueError, match="export the list with --full"):
        address_of(CHANNELS[channel], address)
