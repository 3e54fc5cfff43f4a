"""Push through Firebase Cloud Messaging HTTP v1: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from pydantic_core import to_json
from yarl import URL

from channels import loose
from channels.base import Envelope, Outcome, Rejected, Retry, Sent
from channels.http import Answer, Fault, Http
from channels.push.content import PAYLOAD_LIMIT
from channels.push.errors import OF_PLATFORM, UNAUTHENTICATED, code_of, verdict_of
from channels.push.message import message_of
from channels.push.payload import fitted
from channels.push.settings import PushSettings
from channels.push.tokens import TokenError, Tokens
from channels.signals import SlowDown, StopChannel
from channels.verdicts import clip

TOKEN_PAUSE = timedelta(seconds=10)


@dataclass(slots=True)
class _Doubt:
    """`posting`: a request is under way, and may be taken although nobody hears its answer."""

    posting: bool = False


class FcmAdapter:
    """One Firebase project. `now` in epoch seconds dates apns-expiration, which APNs takes as a moment only."""

    def __init__(self, settings: PushSettings, now: Callable[[], float] = time.time) -> None:
        if settings.project is None or settings.credentials_file is None:
            raise ValueError("push needs KABAR_PUSH__PROJECT and KABAR_PUSH__CREDENTIALS_FILE")
        self._url = URL(f"{str(settings.endpoint).rstrip('/')}/v1/projects/{settings.project}/messages:send")
        token_uri = None if settings.token_uri is None else str(settings.token_uri)
        self._tokens = Tokens(settings.credentials_file, token_uri, settings.deadline)
        self._http = Http(settings.concurrency, settings.deadline)
        self._deadline, self._now = settings.deadline, now

    async def start(self) -> None:
        self._tokens.load()
        await self._http.start()

    async def close(self) -> None:
        await self._http.close()
        await self._tokens.close()

    async def send(self, envelope: Envelope) -> Outcome:
        fits = fitted(envelope)
        if fits is None:
            return Rejected("PAYLOAD_TOO_LARGE", detail=f"more than {PAYLOAD_LIMIT} bytes without its body")
        body, doubt = to_json({"message": message_of(fits, self._now())}), _Doubt()
        try:
            # Waiting for a token and a second post after a 401 have their own deadlines, which would add up.
            async with asyncio.timeout(self._deadline):
                return outcome_of(await self._post(body, doubt), envelope)
        except TimeoutError:
            return Retry("timeout", doubtful=doubt.posting)
        except TokenError as error:
            signal = StopChannel("TOKEN_REFUSED") if error.refused else SlowDown(TOKEN_PAUSE)
            return Retry("TOKEN_REFUSED" if error.refused else "TOKEN_UNAVAILABLE", signal=signal, detail=clip(str(error)))

    async def _post(self, body: bytes, doubt: _Doubt) -> Answer | Fault:
        """Post with a valid token, and once more with a new one when Google refuses it."""
        token = await self._tokens.get()
        answer = await self._once(body, token, doubt)
        if isinstance(answer, Fault) or answer.status != 401 or code_of(_error(answer)) not in (UNAUTHENTICATED, ""):
            return answer
        token = await self._tokens.replace(token)
        return await self._once(body, token, doubt)

    async def _once(self, body: bytes, token: str, doubt: _Doubt) -> Answer | Fault:
        doubt.posting = True
        answer = await self._http.post(self._url, body, {"Authorization": f"Bearer {token}"})
        doubt.posting = False
        return answer


def outcome_of(answer: Answer | Fault, envelope: Envelope) -> Outcome:
    """A repeat is harmless, so whatever leaves doubt is a Retry."""
    if isinstance(answer, Fault):
        return Retry(answer.code, doubtful=answer.left)
    if 200 <= answer.status < 300:
        name = loose.text(answer.data.get("name"))
        return Sent(name) if name else Retry("UNREADABLE_ANSWER", doubtful=True)
    error = _error(answer)
    code = code_of(error)
    detail = clip(loose.text(error.get("message")), envelope)
    if code in OF_PLATFORM and envelope.address and envelope.address.platform:
        return Retry(code, signal=StopChannel(code, envelope.address.platform), detail=detail)
    return verdict_of(code, answer.status).outcome(code or f"HTTP_{answer.status}", detail, answer.retry_after)


def _error(answer: Answer) -> Mapping[str, object]:
    return loose.mapping(answer.data.get("error"))
