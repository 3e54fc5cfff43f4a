"""What every answer says to browsers, and that nothing a caller sends decides where links lead."""

from __future__ import annotations

from dataclasses import replace

from aiohttp import ClientSession

from config.settings import HttpSettings, Settings
from jobs.house import House
from tests.http.conftest import AUTH, serving
from tests.world import person


async def test_every_kind_of_answer_has_the_headers(house: House, web: ClientSession) -> None:
    link = house.signer.sign("unsubscribe", str(await person(house.database, 1)), "email")
    paths = ("/healthz", "/metrics", "/v1/popups", "/nothing", f"/u/{link}", "/u/x", "/c/x", "/p/x", "/sdk/kabar-popup.js", "/openapi.json")
    for path in paths:
        for headers in ({}, AUTH):
            async with web.get(path, headers=headers) as answer:
                assert answer.headers.getall("X-Content-Type-Options") == ["nosniff"], path
                assert answer.headers.getall("Referrer-Policy") == ["no-referrer"], path
                assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
                assert "camera=()" in answer.headers["Permissions-Policy"]
                assert ("no-store" in answer.headers["Cache-Control"]) == (path != "/sdk/kabar-popup.js")
                assert "Strict-Transport-Security" not in answer.headers


async def test_browsers_are_told_to_come_back_by_https_where_that_is_how_people_come(house: House) -> None:
    http = HttpSettings(port=0, public_url="https://kabar.example.co.id")
    async with serving(replace(house, settings=Settings(http=http, stop_grace=1))) as web, web.get("/u/x") as answer:
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_the_host_a_caller_names_stands_in_no_answer(house: House, web: ClientSession) -> None:
    person_id = str(await person(house.database, 1))
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    links = f"/u/{house.signer.sign('unsubscribe', person_id, 'email')}", f"/p/{house.signer.sign('preferences', person_id)}"
    for path in (*links, "/u/"):
        async with web.get(path, headers=evil, allow_redirects=False) as answer:
            assert "evil.example" not in await answer.text() + str(answer.headers)
