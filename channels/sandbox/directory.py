"""Whose address it is: the customers that the sandbox's page names, as somebody told them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Customer:
    """no: the customer number; of somebody unknown the address stands for both."""

    no: str
    name: str


class Directory:
    """Empty until told: then every address is a customer of its own."""

    def __init__(self) -> None:
        self._by_address: dict[str, Customer] = {}
        self._addresses: dict[str, frozenset[str]] = {}

    def put(self, no: str, name: str, addresses: Iterable[str]) -> None:
        """Phones with or without the plus sign, mail addresses in any case, push tokens and installation ids as they are."""
        customer, plain = Customer(no, name), frozenset(map(_plain, addresses))
        self._by_address |= dict.fromkeys(plain, customer)
        self._addresses[no] = self._addresses.get(no, frozenset()) | plain

    def of(self, address: str) -> Customer:
        return self._by_address.get(_plain(address)) or Customer(address, address)

    def known(self, address: str) -> bool:
        return _plain(address) in self._by_address

    def owns(self, no: str, address: str) -> bool:
        """Does this address reach that customer?"""
        return _plain(address) in self._addresses[no] if no in self._addresses else address == no


def _plain(address: str) -> str:
    return address.lower() if "@" in address else address.removeprefix("+")
