"""Which web pages' scripts may ask for pop-ups."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiohttp import ClientSession
from pydantic import SecretStr, ValidationError

from config.settings import HttpSettings, Settings
from jobs.house import House
from tests.http.app import token
from tests.http.conftest import KEY, serving
from tests.world import person

APP, OTHER = "https://app.example.co.id", "https://elsewhere.example"
ASKS = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization,if-none-match"}


async def allowed(web: ClientSession, path: str, origin: str) -> str | None:
    async with web.options(path, headers=ASKS | {"Origin": origin}) as answer:
        return answer.headers.get("Access-Control-Allow-Origin")


async def test_scripts_of_the_apps_pages_may_ask_and_others_not_and_nobody_for_tokens(house: House) -> None:
    http = HttpSettings(port=0, api_key=SecretStr(KEY), app_origins=f"{APP}, capacitor://localhost")
    await person(house.database, 1)
    async with serving(replace(house, settings=Settings(http=http, stop_grace=1))) as web:
        for path in ("/v1/popups", "/v1/popups/events", "/v1/popups/stream"):
            assert await allowed(web, path, APP) == APP
            assert await allowed(web, path, "capacitor://localhost") == "capacitor://localhost"
            assert await allowed(web, path, OTHER) is None
        for path in ("/v1/popups/tokens", "/v1/events", "/metrics"):
            assert await allowed(web, path, APP) is None
        async with web.get("/v1/popups", headers=await token(web) | {"Origin": APP}) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == APP
            assert "Origin" in answer.headers["Vary"]
            assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
        # What went wrong the script may read, too.
        async with web.get("/v1/popups", headers={"Origin": APP}) as answer:
            assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (401, APP)


async def test_without_the_setting_no_page_may(web: ClientSession) -> None:
    assert await allowed(web, "/v1/popups", APP) is None


def test_what_is_no_origin_is_refused_with_the_way_out() -> None:
    for wrong in ("*", "null", "app.example.co.id", "https://app.example.co.id/path"):
        with pytest.raises(ValidationError, match=r"write scheme and host as https://"):
            HttpSettings(app_origins=wrong)
