"""One receipt on its way: as it was stored, as it was read, and the fact that became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from channels.incoming import Receipt
from store.receipts import Fact


@dataclass(frozen=True, slots=True)
class Told:
    """row: the stored body (id, source, body, received_at). fact: with the message and person that were found, if any."""

    row: Any
    receipt: Receipt
    fact: Fact
