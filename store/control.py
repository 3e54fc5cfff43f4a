"""The control group of a campaign: a stable share of its audience, picked by a hash of the customer number."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, cast, false, func, literal
from sqlalchemy.dialects.postgresql import BIT

from store.tables import people

CONTROL_GROUP = "control_group"  # the reason on the rows of these people


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """share: in basis points. The same seed picks the same people, whatever else is known of them."""

    share: int
    seed: str


def held_out(group: ControlGroup | None) -> ColumnElement[bool]:
    """Whether a person is in the group: the first 32 bits of md5("seed:customer_no") modulo 10,000 are below the share."""
    if group is None:
        return false()
    digits = func.substr(func.md5(literal(f"{group.seed}:").concat(people.c.customer_no)), 1, 8)
    return cast(cast(literal("x").concat(digits), BIT(32)), BigInteger) % 10_000 < group.share
