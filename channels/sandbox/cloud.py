"""The WhatsApp Business Cloud API, as a business phone number meets it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any

from aiohttp import web

from channels.sandbox.cloud_rules import Conduct
from channels.sandbox.cloud_shape import Problem, first_problem
from channels.sandbox.customers import failure, journey, wamid
from channels.sandbox.errors import cloud_http, cloud_title
from channels.sandbox.faults import Rule
from channels.sandbox.http import Exchange, Line, reply
from channels.sandbox.people import user_id, wa_id
from channels.sandbox.templates import Templates
from channels.sandbox.webhooks import Webhooks

PHONE_NUMBER_ID = "100000000000001"
BEARER = "sandbox-whatsapp"


class Cloud:
    """POST /v{version}/{phone_number_id}/messages."""

    def __init__(
        self, line: Line, webhooks: Webhooks, templates: Templates, conduct: Conduct, now: Callable[[], datetime], seed: int
    ) -> None:
        self._line = line
        self._webhooks = webhooks
        self._templates = templates
        self._conduct = conduct
        self._now = now
        self._seed = seed

    def routes(self) -> list[web.RouteDef]:
        return [web.post(r"/{version:v\d+\.\d+}/{phone}/messages", self.send)]

    async def send(self, request: web.Request) -> web.Response:
        raw = await request.read()
        if request.headers.get("Authorization") != f"Bearer {BEARER}":
            return self._error(Problem(190, "Invalid OAuth access token - Cannot parse access token"))
        if request.match_info["phone"] != PHONE_NUMBER_ID:
            return self._error(Problem(100, f"Object with ID '{request.match_info['phone']}' does not exist"))
        try:
            body = json.loads(raw)
        except ValueError:
            return self._error(Problem(100, "The body is not JSON."))
        if problem := first_problem(body, self._templates) or self._misconduct(body):
            return self._error(problem)
        return await self._line.carry(request, self._exchange(body, raw))

    def _misconduct(self, body: dict[str, Any]) -> Problem | None:
        code = self._conduct.refusal(_to(body))
        return None if code is None else Problem(code, f"{cloud_title(code)} (sandbox)")

    def _marketing(self, body: dict[str, Any]) -> bool:
        return "template" in body and self._templates.marketing(body["template"]["name"], body["template"]["language"]["code"])

    def _exchange(self, body: dict[str, Any], raw: bytes) -> Exchange:
        to = _to(body)
        opaque = body.get("biz_opaque_callback_data", "")
        marketing = self._marketing(body)

        def accept(answered: bool) -> web.Response:
            message = wamid(to)
            campaign = body["template"]["name"] if "template" in body else ""
            failed = self._conduct.failure(to, marketing=marketing)
            self._conduct.taken(to, marketing=marketing)
            if failed is not None:
                self._line.journal.reject("whatsapp", str(failed))
                self._webhooks.tell(failure(message, to, opaque, self._now(), failed))
                return _accepted(body, message)
            self._line.journal.accept("whatsapp", to=to, key=opaque, campaign=campaign, provider_id=message, raw=raw, answered=answered)
            receipts = self._webhooks.receipts
            self._webhooks.tell(*journey(message, to, opaque, self._now(), receipts, self._seed), pace=receipts.pace)
            return _accepted(body, message, held=self._conduct.held(to, opaque))

        def refuse(rule: Rule) -> web.Response:
            if rule.moment != "webhook":
                return _envelope(Problem(int(rule.kind), f"{cloud_title(int(rule.kind))} (sandbox)"), rule.retry_after)
            message = wamid(to)
            self._webhooks.tell(failure(message, to, opaque, self._now(), int(rule.kind)))
            return _accepted(body, message)

        return Exchange("whatsapp", to, opaque, accept, refuse)

    def _error(self, problem: Problem) -> web.Response:
        self._line.journal.reject("whatsapp", str(problem.code))
        return _envelope(problem)


def _to(body: dict[str, Any]) -> str:
    return str(body.get("to") or body["recipient"])


def _accepted(body: dict[str, Any], message: str, *, held: bool = False) -> web.Response:
    to, recipient = body.get("to"), body.get("recipient")
    contact = {"input": to, "wa_id": wa_id(to), "user_id": user_id(to)} if to else {"input": recipient, "user_id": recipient}
    answer: dict[str, object] = {"messaging_product": "whatsapp", "contacts": [contact]}
    return reply({**answer, "messages": [{"id": message, "message_status": "held_for_quality_assessment" if held else "accepted"}]})


def _envelope(problem: Problem, retry_after: float | None = None) -> web.Response:
    error = {
        "message": f"(#{problem.code}) {cloud_title(problem.code)}",
        "type": "OAuthException",
        "code": problem.code,
        "error_data": {"messaging_product": "whatsapp", "details": problem.details},
        "fbtrace_id": secrets.token_urlsafe(8),
    }
    return reply({"error": error}, cloud_http(problem.code), retry_after)
