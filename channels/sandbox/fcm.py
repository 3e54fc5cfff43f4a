"""FCM HTTP v1 and the OAuth token endpoint it trusts, as an application server meets them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from functools import cache

from aiohttp import web

from channels.sandbox.errors import FCM, FcmFault
from channels.sandbox.faults import Rule
from channels.sandbox.fcm_shape import TARGETS, Violation, rule_violations, shape_violations
from channels.sandbox.http import Exchange, Line, reply
from channels.sandbox.tokens import PROJECT, GrantError, Tokens

_MALFORMED = FCM["BAD_REQUEST"]
_WRONG = FcmFault(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", "Request contains an invalid argument.")


class Fcm:
    """POST /token and POST /v1/projects/{project}/messages:send."""

    def __init__(self, line: Line, tokens: Tokens) -> None:
        self._line = line
        self._tokens = tokens

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/token", self.token),
            # A fixed path is found without a regular expression.
            web.post(f"/v1/projects/{PROJECT}/messages:send", self.send),
            web.post("/v1/projects/{project}/messages:send", self.send),
        ]

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        try:
            return reply(self._tokens.grant(str(form.get("grant_type", "")), str(form.get("assertion", ""))))
        except GrantError as error:
            return reply({"error": error.code, "error_description": str(error)}, 400)

    async def send(self, request: web.Request) -> web.Response:
        raw = await request.read()
        if not self._tokens.holds(request.headers.get("Authorization", "")):
            return self._error("UNAUTHENTICATED", FCM["UNAUTHENTICATED"])
        if request.match_info.get("project", PROJECT) != PROJECT:
            return self._error("SENDER_ID_MISMATCH", FCM["SENDER_ID_MISMATCH"])
        try:
            body = json.loads(raw)
        except ValueError as error:
            return self._error("BAD_REQUEST", _MALFORMED, [Violation("", f"Invalid JSON payload received. {error}")])
        if violations := shape_violations(body):
            return self._error("BAD_REQUEST", _MALFORMED, violations)
        message = body.get("message", {})
        if violations := rule_violations(message, len(raw)):
            return self._error("BAD_REQUEST", _WRONG, violations)
        if body.get("validateOnly"):
            return reply({"name": f"projects/{PROJECT}/messages/fake_message_id"})
        return await self._line.carry(request, self._exchange(message, raw))

    def _exchange(self, message: Mapping[str, object], raw: bytes) -> Exchange:
        to, key = _target(message), collapse_tag(message)

        def accept(answered: bool) -> web.Response:
            name = f"projects/{PROJECT}/messages/{secrets.token_hex(8)}"
            self._line.journal.accept("push", to=to, key=key, campaign=_campaign(message), provider_id=name, raw=raw, answered=answered)
            return reply({"name": name})

        return Exchange("push", to, key, accept, _refuse)

    def _error(self, code: str, fault: FcmFault, violations: list[Violation] | None = None) -> web.Response:
        self._line.journal.reject("push", code)
        return reply(fault.body([violation.as_dict() for violation in violations] if violations else None), fault.http)


def _refuse(rule: Rule) -> web.Response:
    fault = FCM[rule.kind]
    return reply(fault.body(), fault.http, rule.retry_after)


def part(message: Mapping[str, object], *path: str) -> Mapping[str, object]:
    """An object inside a message, empty when it is not there; both spellings of protobuf JSON."""
    for name in path:
        inner = message.get(name) or message.get(_snake(name))
        message = inner if isinstance(inner, Mapping) else {}
    return message


@cache
def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def collapse_tag(message: Mapping[str, object]) -> str:
    """What makes a device show a repeat once: the tag of Android or of a browser, Apple's collapse id; "" when it would be shown again."""
    tags = (
        part(message, "android", "notification").get("tag"),
        part(message, "apns", "headers").get("apns-collapse-id"),
        part(message, "webpush", "notification").get("tag"),
    )
    return str(next(filter(None, tags), ""))


def _target(message: Mapping[str, object]) -> str:
    kind = next(target for target in TARGETS if message.get(target))
    value = str(message[kind])
    return value if kind in ("token", "fid") else f"{kind}:{value}"


def _campaign(message: Mapping[str, object]) -> str:
    return str(part(message, "data").get("campaign") or part(message, "fcmOptions").get("analyticsLabel") or "")
