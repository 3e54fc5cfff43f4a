"""Over a bare socket: what is no HTTP, what may mean two things, and what no reader of JSON should trip over. Never a 5xx, never a hang."""

from __future__ import annotations

import json

import structlog
from aiohttp import ClientSession

from jobs.house import House
from tests.http.app import token
from tests.http.conftest import KEY, Configure
from tests.http.raw import request, wire
from tests.world import person

JSON = ("Content-Type: application/json", f"X-API-Key: {KEY}")
CLOSE = "Connection: close"
REFUSED = range(400, 500)


async def status(web: ClientSession, data: bytes) -> int:
    async with wire(web) as caller:
        await caller.say(data)
        return await caller.status()


NO_HTTP = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,  # TLS
    b"\0" * 100 + b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",  # no Host
    request("GET / HTTP/1.1", "Host: other"),
    request("GET / HTTP/1.1", "no colon"),
    request("GET / HTTP/1.1", "X-Name : space before the colon"),
    request("GET /\xe9 HTTP/1.1"),
    request("GET /\0 HTTP/1.1"),
    request("GET / HTTP/1.1", "X: a\0b"),
    request("POST /v1/events HTTP/1.1", "Content-Length: 5", "Content-Length: 6", body=b"123456"),
    request("POST /v1/events HTTP/1.1", "Content-Length: 5, 6", body=b"123456"),
    request("POST /v1/events HTTP/1.1", "Content-Length: -1"),
    request("POST /v1/events HTTP/1.1", "Content-Length: 0x10"),
    request("POST /v1/events HTTP/1.1", "Content-Length: " + "9" * 400),
    request("POST /v1/events HTTP/1.1", "Content-Length: 3", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    request("POST /v1/events HTTP/1.1", "Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    request("POST /v1/events HTTP/1.1", "Transfer-Encoding: chunked", "Transfer-Encoding: identity", body=b"0\r\n\r\n"),
    request("POST /v1/events HTTP/1.1", *JSON, "Transfer-Encoding: chunked", body=b"zz\r\nnothing\r\n"),
    request("POST /v1/events HTTP/1.1", *JSON, "Transfer-Encoding: chunked", body=b"2\r\n{}xx0\r\n\r\n"),
    request("GET /?" + "q" * 20_000 + " HTTP/1.1"),
    request("GET / HTTP/1.1", "X: " + "x" * 20_000),
    request("GET / HTTP/1.1", *(f"X-{n}: {n}" for n in range(2000))),
]


async def test_what_is_no_http_or_may_mean_two_things_is_refused(web: ClientSession) -> None:
    for data in NO_HTTP:
        assert await status(web, data) in REFUSED, data[:200]


PATHS = ("/%00", "/u/%00", "/c/%ff%fe", "/p/" + "a" * 9000, "/v1/receipts/%00", "//", "/../../etc/passwd", "http://evil.example/u/x", "*")


async def test_a_path_that_is_nothing_of_ours_is_not_found(web: ClientSession) -> None:
    for path in PATHS:
        assert await status(web, request(f"GET {path} HTTP/1.1", CLOSE)) in REFUSED, path


QUERIES = (
    "trigger=%00",
    "device=%00",
    "device=%ff",
    "platform=%00&locale=%00",
    "trigger=" + "x" * 9000,
    "&" * 9000,
    "trigger=a&trigger=%00",
)


async def test_no_question_of_an_app_is_a_fault_of_ours(house: House, web: ClientSession) -> None:
    await person(house.database, 1)
    [(name, value)] = (await token(web)).items()
    for query in QUERIES:
        assert 200 <= await status(web, request(f"GET /v1/popups?{query} HTTP/1.1", f"{name}: {value}", CLOSE)) < 500, query


BODIES = [
    b"",
    b"null",
    b"[" * 60_000,
    b'{"a":' * 12_000,
    b'{"event": "kyc.updated", "customer_no": "C000001", "event": "kyc.rejected"}',
    b'{"event": "kyc.updated", "customer_no": "C000001", "data": {"a": 1, "a": 2}}',
    b'{"event": "kyc.rejected", "customer_no": "C000001", "data": {"reason": ' + b"9" * 5000 + b"}}",
    b'{"event": "kyc.rejected", "customer_no": "C000001", "data": {"reason": 1e400}}',
    b'{"event": "kyc.rejected", "customer_no": "C000001", "data": {"reason": NaN}}',
    b'{"event": "kyc.rejected", "customer_no": "C000001", "data": {"reason": "\\ud800"}}',
    b'{"event": "kyc.rejected", "customer_no": "\\ud800"}',
    b'{"event": "kyc.rejected", "customer_no": "C\\u0000"}',
    b'{"event": "kyc.rejected", "customer_no": "C000001", "data": {"\\ud800": 1}}',
    b'{"event": "\xff\xfe", "customer_no": "C000001"}',
    '{"event": "kyc.updated", "customer_no": "C000001"}'.encode("utf-16"),
]


async def test_no_body_is_a_fault_of_ours(web: ClientSession, configured: Configure) -> None:
    await configured()
    for path in ("/v1/events", "/v1/popups/tokens", "/v1/receipts/push"):
        for body in BODIES:
            asked = request(f"POST {path} HTTP/1.1", *JSON, f"Content-Length: {len(body)}", CLOSE, body=body)
            assert await status(web, asked) in REFUSED, (path, body[:200])


async def test_a_refusal_of_the_protocol_itself_has_our_shape_and_headers(web: ClientSession) -> None:
    async with wire(web) as caller:
        await caller.say(b"nonsense\r\n\r\n")
        head, _, body = (await caller.hear()).partition(b"\r\n\r\n")
    assert b"x-content-type-options: nosniff" in head.lower()
    assert json.loads(body)["error"] == "bad_request"


async def test_garbage_after_an_answer_has_begun_ends_the_connection_and_is_no_fault_of_ours(house: House, web: ClientSession) -> None:
    await person(house.database, 1)
    [(name, value)] = (await token(web)).items()
    with structlog.testing.capture_logs() as logs:
        async with wire(web) as caller:
            await caller.say(
                request("GET /v1/popups/stream HTTP/1.1", f"{name}: {value}", "Transfer-Encoding: chunked", body=b"1\r\na\r\n")
            )
            assert await caller.status() == 200
            await caller.say(b"no chunk at all\r\n")
            await caller.hear()
        async with wire(web) as caller:  # gone in the middle of the body
            await caller.say(request("POST /v1/events HTTP/1.1", *JSON, "Content-Length: 50", body=b"{"))
        async with web.get("/healthz") as answer:
            assert answer.status == 200
    assert [line["event"] for line in logs] == []
