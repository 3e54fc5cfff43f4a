"""Which keys are good now: that of the environment, and those of the database, remembered for seconds."""

from __future__ import annotations

import asyncio
import hmac
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from jobs.api_keys import KeyScope, digest, key_id
from jobs.house import House
from store import api_keys
from store.api_keys import StoredKey

BELIEVED = timedelta(seconds=5)  # a revoked key opens that long at most
REMEMBERED = 1000  # ids, those that are nobody's among them
USED_AT_MOST = timedelta(minutes=1)

OWN = "KABAR_HTTP__API_KEY"
_NOBODYS = bytes(32)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key it was, and what it opens."""

    name: str
    scopes: Sequence[str]


@dataclass(slots=True)
class _Known:
    key: StoredKey | None
    asked_at: datetime
    used_at: datetime | None


class Keyring:
    """The keys as one web process knows them."""

    def __init__(self, house: House, *, size: int = REMEMBERED) -> None:
        self._house, self._size = house, size
        configured = house.settings.http.api_key
        own = configured.get_secret_value() if configured else ""
        self._own = digest(own) if own else None
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._some_at: datetime | None = None
        self.strangers = asyncio.Lock()  # for whoever asks about keys that are strange

    def __len__(self) -> int:
        return len(self._known)

    async def any(self) -> bool:
        """Whether there is a key at all that could be right. A yes is believed for as long as a key is."""
        now = self._house.clock.now()
        if self._own is not None or (self._some_at is not None and now - self._some_at < BELIEVED):
            return True
        async with self._house.database.alone() as connection:
            found = await api_keys.exist(connection)
        self._some_at = now if found else None
        return found

    def strange(self, text: str) -> bool:
        """Whether this is no key we ever found good: it is worth no question to the database when too many were wrong."""
        if self._is_own(text):
            return False
        known = self._known.get(key_id(text) or "")
        return known is None or known.key is None

    async def caller(self, text: str) -> Caller | None:
        """Whose key this is; None when it is nobody's, expired or revoked. Hashes are compared in constant time."""
        if self._is_own(text):
            return Caller(OWN, list(KeyScope))
        public = key_id(text)
        if public is None:
            return None
        now = self._house.clock.now()
        known = await self._look(public, now)
        good = hmac.compare_digest(known.key.hash if known.key else _NOBODYS, digest(text))
        if known.key is None or not good or (known.key.expires_at is not None and known.key.expires_at <= now):
            return None
        await self._note(known, public, now)
        return Caller(known.key.name, known.key.scopes)

    def _is_own(self, text: str) -> bool:
        return hmac.compare_digest(self._own or _NOBODYS, digest(text)) and self._own is not None

    async def _look(self, public: str, now: datetime) -> _Known:
        known = self._known.get(public)
        if known is None or now - known.asked_at >= BELIEVED:
            async with self._house.database.alone() as connection:
                found = await api_keys.find(connection, public)
            known = _Known(found, now, found.last_used_at if found else None)
            self._known[public] = known
            if len(self._known) > self._size:
                self._known.popitem(last=False)
        self._known.move_to_end(public)
        return known

    async def _note(self, known: _Known, public: str, now: datetime) -> None:
        if known.used_at is None or now - known.used_at >= USED_AT_MOST:
            known.used_at = now
            async with self._house.database.alone() as connection:
                await api_keys.used(connection, public, now)
