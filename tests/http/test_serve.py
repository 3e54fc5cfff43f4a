"""The web process itself: its port, its end, its errors."""

from __future__ import annotations

import asyncio
import signal
import socket

import pytest
import structlog
from aiohttp import ClientSession
from sqlalchemy import text

from config.problems import ConfigError
from config.settings import HttpSettings, Settings
from console.http import make_web, serve
from console.http.serve import bind
from jobs.house import House
from tests.http.conftest import AUTH


async def test_a_port_in_use_names_the_setting_and_the_way_out(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        busy = House(Settings(http=HttpSettings(port=port)), house.database, house.clock, house.channels, house.catalog)
        with pytest.raises(ConfigError, match=rf"KABAR_HTTP__PORT: port {port} is in use; .*KABAR_HTTP__PORT=") as raised:
            await serve(busy, asyncio.Event())
    assert len(raised.value.problems) == 1


def test_a_host_that_is_not_ours_names_the_setting() -> None:
    with pytest.raises(ConfigError, match="KABAR_HTTP__HOST: cannot listen"):
        bind(HttpSettings(host="192.0.2.1", port=0))


async def test_signals_stay_with_the_daemon_and_the_port_is_free_again_after_the_stop(house: House) -> None:
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    before = signal.getsignal(signal.SIGTERM)
    web = asyncio.create_task(serve(house, stop, port.set_result))
    async with ClientSession(f"http://127.0.0.1:{await port}") as client, client.get("/healthz") as answer:
        assert answer.status == 200
        assert signal.getsignal(signal.SIGTERM) is before
        stop.set()
    await web
    bind(HttpSettings(port=port.result())).close()


async def test_what_nobody_expected_is_a_plain_answer_and_a_log_line_without_the_path(house: House, web: ClientSession) -> None:
    async with house.database.begin() as connection:
        await connection.execute(text("ALTER TABLE suppressions DROP COLUMN evidence"))
    token = house.signer.sign("unsubscribe", "1", "email")
    with structlog.testing.capture_logs() as logs:
        async with web.post(f"/u/{token}") as answer:
            assert (answer.status, await answer.json()) == (
                500,
                {"error": "internal", "message": "this is our fault; it has been logged"},
            )
    [line] = [line for line in logs if line["event"] == "http.failed"]
    assert (line["method"], line["route"], line["error"]) == ("POST", "/u/{token}", "ProgrammingError")
    assert token not in str(line)


async def test_what_does_not_exist_is_said_in_the_same_shape(web: ClientSession) -> None:
    async with web.get("/nothing") as answer:
        assert (answer.status, await answer.json()) == (404, {"error": "not_found", "message": "Not Found"})
    async with web.delete("/v1/events") as answer:
        assert (answer.status, (await answer.json())["error"]) == (405, "method_not_allowed")


async def test_the_interface_is_described_to_who_has_a_key_but_no_page_of_it_is_served(web: ClientSession) -> None:
    async with web.get("/openapi.json") as answer:
        assert answer.status == 401
    async with web.get("/openapi.json", headers=AUTH) as answer:
        assert "/v1/events" in (await answer.json())["paths"]
    for path in ("/docs", "/redoc"):
        async with web.get(path) as answer:
            assert answer.status == 404


async def test_the_same_house_may_have_two_faces(house: House) -> None:
    assert make_web(house) is not make_web(house)
