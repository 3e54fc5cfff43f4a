"""How often somebody may call: by key, by person, by client address. Of one process, in memory of bounded size.

What carries a proof (a key, a signature, a signed token) is never held up by what its neighbours behind one address do: only what
proves nothing is counted against the address.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from config.settings import HttpSettings, Network

REMEMBERED = 65_536  # who called last; whoever falls out begins anew
KEY_BURST_S = 2
OPEN_BURST_S = 10
REFUSED_BURST_S = 60
PERSON_RATE, PERSON_BURST = 10, 100  # an app asks every few minutes; a page with many tabs, more often

_NEIGHBOURS = 64  # bits: who has one IPv6 address has all of these


class Limiter:
    """GCRA, as the provider accounts have it: a moment for each name, from which on the next call is in time."""

    def __init__(self, rate: float, burst: float, size: int = REMEMBERED) -> None:
        self._step, self._slack, self._size = 1 / rate, burst / rate, size
        self._free_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._free_at)

    def wait(self, name: str, now: float) -> float:
        """Seconds until the next call is in time; 0 = now. Counts nothing."""
        return max(0.0, self._free_at.get(name, now) + self._step - self._slack - now)

    def take(self, name: str, now: float) -> float:
        """Like wait, and counts the call when it is in time."""
        late = self.wait(name, now)
        if not late:
            self._free_at[name] = max(self._free_at.get(name, now), now) + self._step
            self._free_at.move_to_end(name)
            if len(self._free_at) > self._size:
                self._free_at.popitem(last=False)
        return late


class Limits:
    """keys: calls by one key. people: by one recipient's token. open: by one address, where no key is asked for.
    refused: what one address got wrong."""

    def __init__(self, settings: HttpSettings) -> None:
        self.keys = Limiter(settings.key_rate, max(1, settings.key_rate * KEY_BURST_S))
        self.people = Limiter(PERSON_RATE, PERSON_BURST)
        self.open = Limiter(settings.open_rate, max(1, settings.open_rate * OPEN_BURST_S))
        self.refused = Limiter(settings.refused_rate, max(1, settings.refused_rate * REFUSED_BURST_S))


def client_of(peer: str | None, forwarded: Sequence[str], proxies: tuple[Network, ...]) -> str:
    """Whom a call is counted against: the peer, or whom a proxy we trust names; with IPv6 the network it is in.

    forwarded: every X-Forwarded-For line, in their order: a proxy may add one of its own behind the caller's (RFC 9110, 5.3). They are
    one list, read from its end, as far as those who wrote it are trusted: what stands further left anybody can write.
    """
    client = _address(peer or "")
    for word in reversed(",".join(forwarded).split(",")):
        before = _address(word)
        if client is None or before is None or not any(client in network for network in proxies):
            break
        client = before
    return "unknown" if client is None else _neighbourhood(client)


def _address(word: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(word.strip())
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def _neighbourhood(address: IPv4Address | IPv6Address) -> str:
    return str(address) if address.version == 4 else str(ip_network((address, _NEIGHBOURS), strict=False))
