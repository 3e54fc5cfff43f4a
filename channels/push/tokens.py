"""Access tokens of a Google service account, renewed in a thread because google-auth blocks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

import requests
from google.auth.credentials import TokenState
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
LONGEST_REFRESH = 10.0
# google-auth has no annotations of its own for these two.
_read: Callable[..., Credentials] = Credentials.from_service_account_file
_refresh: Callable[[Credentials, Callable[..., object]], None] = Credentials.refresh


class TokenError(Exception):
    """No token. `refused`: Google says no to this account, so that asking again is of no use."""

    def __init__(self, detail: str, *, refused: bool) -> None:
        self.refused = refused
        super().__init__(detail)


class Tokens:
    """One service account. `deadline`: seconds a caller waits for a token; one renewal serves all who wait.

    google-auth calls a token stale 3:45 minutes before it expires: it is used on while the next is fetched.
    """

    def __init__(self, credentials_file: Path, token_uri: str | None, deadline: float) -> None:
        self._file, self._uri, self._deadline = credentials_file, token_uri, deadline
        self._credentials: Credentials | None = None
        self._renewal: asyncio.Task[None] | None = None

    def load(self) -> None:
        """Read the key file. Raises ValueError naming the file when it is not a service account's."""
        try:
            found = _read(str(self._file), scopes=[SCOPE])
        except (ValueError, KeyError, TypeError, AttributeError, OSError, GoogleAuthError) as error:
            raise ValueError(f"{self._file} is not a service account key file: {error}") from error
        self._credentials = found if self._uri is None else found.with_token_uri(self._uri)

    async def get(self) -> str:
        """A token that is valid now. Raises TokenError."""
        credentials = self._loaded()
        state = credentials.token_state
        if state is not TokenState.FRESH:
            renewal = self._renew()
            if state is TokenState.INVALID:
                await self._wait(renewal)
        return str(credentials.token)

    async def replace(self, refused: str) -> str:
        """Another token than the one the provider refused; of many who ask, the first fetches it. Raises TokenError."""
        credentials = self._loaded()
        if credentials.token == refused:
            await self._wait(self._renew())
        return str(credentials.token)

    async def close(self) -> None:
        """A thread cannot be stopped, so a renewal under way is waited for; it has a timeout of its own."""
        if self._renewal is not None:
            await asyncio.gather(self._renewal, return_exceptions=True)

    def _loaded(self) -> Credentials:
        if self._credentials is None:
            raise RuntimeError("load() has not been called")
        return self._credentials

    def _renew(self) -> asyncio.Task[None]:
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(asyncio.to_thread(self._fetch))
            self._renewal.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._renewal

    async def _wait(self, renewal: asyncio.Task[None]) -> None:
        try:
            await asyncio.wait_for(asyncio.shield(renewal), self._deadline)
        except TimeoutError as error:
            raise TokenError("the token endpoint does not answer", refused=False) from error

    def _fetch(self) -> None:
        try:
            with requests.Session() as session:
                session.max_redirects = 0  # what is sent is a signed word of ours, for this address alone
                _refresh(self._loaded(), partial(Request(session), timeout=min(self._deadline, LONGEST_REFRESH)))
        except GoogleAuthError as error:
            passing = isinstance(error, TransportError) or error.retryable
            raise TokenError(str(error), refused=not passing) from error
