"""HTTP to providers: one kept session an adapter, a deadline on each send, and faults told apart by whether the request left."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime

import aiohttp
from aiohttp.typedefs import LooseHeaders
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential
from yarl import URL

from channels import loose

ANSWER_LIMIT = 64 * 1024
CONNECT_SHARE = 3  # one attempt to connect may use this part of the deadline, so that a second still fits
LONGEST_WAIT = timedelta(days=1)
# Idle connections are given up before a server would: a POST into a connection just closed is a doubtful send.
KEEPALIVE_SECONDS = 15.0
# UnicodeError: the host is no name that could be looked up.
_UNSENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL, UnicodeError)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the provider said. `body` is empty when it was longer than 64 KiB."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def data(self) -> Mapping[str, object]:
        """The JSON object it carries; empty for anything else."""
        return loose.read_object(self.body)

    @property
    def retry_after(self) -> timedelta | None:
        return retry_after(self.headers)


@dataclass(frozen=True, slots=True)
class Fault:
    """No answer. `left`: the request may have reached the provider."""

    code: str
    left: bool


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """RFC 9110 10.2.3: seconds, or a date, which is held against the server's own Date. At most a day, at least a second."""
    value = headers.get("Retry-After", "").strip()
    try:
        if value.isascii() and value.isdigit():
            return bounded_wait(int(value[:9]))
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers["Date"])
    except (KeyError, ValueError, TypeError, OverflowError):
        return None
    return bounded_wait(wait.total_seconds())


def bounded_wait(seconds: float) -> timedelta:
    """A wait a provider asks for, wherever it says so: at most a day, at least a second."""
    return timedelta(seconds=min(max(seconds, 1), LONGEST_WAIT.total_seconds()))


@dataclass(slots=True)
class Http:
    """One provider endpoint. `deadline` in seconds bounds a whole post, its repeated attempts to connect included."""

    concurrency: int
    deadline: float
    _session: aiohttp.ClientSession | None = field(default=None, init=False)

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self.concurrency, keepalive_timeout=KEEPALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "kabar", "Content-Type": "application/json", "Accept-Encoding": "identity"},
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, url: URL, body: bytes, headers: LooseHeaders) -> Answer | Fault:
        """Post JSON once; only an attempt that never connected is repeated, up to twice within the deadline."""
        end = asyncio.get_running_loop().time() + self.deadline
        try:
            # The good path does without tenacity, which costs a fifth of the whole request.
            return await self._once(url, body, headers, end)
        except UnicodeDecodeError as error:
            return Fault(_code(error), left=True)
        except _UNSENT:
            return await self._again(url, body, headers, end)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Fault(_code(error), left=True)

    async def _again(self, url: URL, body: bytes, headers: LooseHeaders, end: float) -> Answer | Fault:
        attempts = AsyncRetrying(
            retry=retry_if_exception_type(_UNSENT),
            stop=stop_after_attempt(2),
            wait=wait_exponential(multiplier=min(0.05, self.deadline / 10)),
            reraise=True,
        )
        try:
            return await attempts(self._once, url, body, headers, end)
        except UnicodeDecodeError as error:
            return Fault(_code(error), left=True)
        except _UNSENT as error:
            return Fault(_code(error), left=False)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return Fault(_code(error), left=True)

    async def _once(self, url: URL, body: bytes, headers: LooseHeaders, end: float) -> Answer:
        if self._session is None:
            raise RuntimeError("start() has not been called")
        left = end - asyncio.get_running_loop().time()
        if left <= 0:
            raise aiohttp.ConnectionTimeoutError("no time left to connect")
        timeout = aiohttp.ClientTimeout(total=left, sock_connect=self.deadline / CONNECT_SHARE)
        async with self._session.post(url, data=body, headers=headers, timeout=timeout, allow_redirects=False) as response:
            return Answer(response.status, response.headers, await _bounded(response))


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > ANSWER_LIMIT:
            response.close()
            return b""
        parts.append(part)
    return b"".join(parts)


def _code(error: BaseException) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "dns"
        case UnicodeError() if not isinstance(error, UnicodeDecodeError):
            return "dns"
        case aiohttp.ClientSSLError():
            return "tls"
        case aiohttp.ConnectionTimeoutError() | aiohttp.ClientConnectorError():
            return "connect"
        case TimeoutError():
            return "timeout"
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError() | UnicodeDecodeError():
            return "garbled_answer"
        case aiohttp.InvalidURL():
            return "endpoint"
    return "connection_lost"
