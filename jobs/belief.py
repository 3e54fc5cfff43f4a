"""Which receipts of an open inbox are believed: anybody can write a mail there, and a forged one must change nothing.

A receipt with the seal of its key is about a mail of ours, whoever wrote it. One without is taken for a word about the message only from
the address the message went to, and never ends an address: who knows that a customer was written to knows no seal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from channels.incoming import Receipt, ReceiptKind
from jobs.links import Signer
from store.sent_to import SentTo

_OF_THEIR_OWN = frozenset({ReceiptKind.OPTED_OUT, ReceiptKind.REPLIED})  # a person may write from another address than we write to


def believed(signer: Signer, receipt: Receipt, sent_to: Sequence[SentTo]) -> Receipt | None:
    """The receipt with the address we know, or None. sent_to: where its message went."""
    ours = {entry.value.lower(): entry for entry in sent_to}
    named = (receipt.address or "").lower()
    proven = receipt.key is not None and signer.sealed(receipt.key, receipt.seal)
    address = ours.get(named) or (next(iter(ours.values())) if proven and len(ours) == 1 else None)
    if address is None or not (proven or named in ours):
        return None
    if receipt.kind in _OF_THEIR_OWN:
        return replace(receipt, address=address.value)
    # Forwarded to a mailbox that is gone, it still came to ours; and a mail that was read was delivered, whatever a relay says later.
    dead = proven and (not named or named in ours) and not address.read
    return replace(receipt, address=address.value, drop_address=receipt.drop_address and dead, unreachable=receipt.unreachable and dead)


def by_message(entries: Sequence[SentTo]) -> Mapping[int, Sequence[SentTo]]:
    """Where each message went."""
    found: dict[int, list[SentTo]] = {}
    for entry in entries:
        found.setdefault(entry.message_id, []).append(entry)
    return found
