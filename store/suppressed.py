"""What the suppression list means to other statements: pieces of SQL, so that every one of them asks the same question.

Each piece is one or two probes of a partial unique index of `suppressions` for a row of the statement around it.
"""

from __future__ import annotations


def key(address: str) -> str:
    """The value of an alias of `addresses` as suppressions have it: no mail provider tells `Budi@` from `budi@`."""
    return f"CASE WHEN {address}.sort = 'email' THEN lower({address}.value) ELSE {address}.value END"


def dead(address: str) -> str:
    """Whether an alias of `addresses` is dropped."""
    return f"""EXISTS (SELECT FROM suppressions x WHERE x.value = {key(address)} AND x.sort = {address}.sort
                       AND x.kind = 'address' AND x.lifted_at IS NULL)"""


def usable(address: str) -> str:
    """Whether an alias of `addresses` may be written to."""
    return f"{address}.listed AND NOT {dead(address)}"


def refused(person: str, channel: str) -> str:
    """Whether a person wants no offers on a channel: by a word of their own, or one said of an address they have or had."""
    return f"""(EXISTS (SELECT FROM suppressions x WHERE x.person_id = {person} AND x.channel = {channel} AND x.lifted_at IS NULL)
                OR EXISTS (SELECT FROM addresses o JOIN suppressions x ON x.value = {key("o")} AND x.sort = o.sort
                           WHERE o.person_id = {person} AND x.kind <> 'address' AND x.channel = {channel} AND x.lifted_at IS NULL))"""


def refusals(person: str) -> str:
    """A SELECT of the channels on which a person wants no offers."""
    return f"""SELECT x.channel FROM suppressions x WHERE x.person_id = {person} AND x.lifted_at IS NULL
               UNION SELECT x.channel FROM addresses o JOIN suppressions x ON x.value = {key("o")} AND x.sort = o.sort
               WHERE o.person_id = {person} AND x.kind <> 'address' AND x.lifted_at IS NULL"""
