"""kabar sandbox and kabar send-test: one message to oneself, past all rules."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Desk, audited, customer
from tests.cli.test_daemon import SECONDS, read_until, started
from tests.world import campaign


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The real command; what it prints is what an operator's shell would set, and VAR where its files are."""
    var = tmp_path_factory.mktemp("sandbox")
    people = var / "people.csv"
    people.write_text("customer_no,nama,push_tokens\nC1,Wulan Pratiwi,android:token:my-token\nC2,,broken\n", encoding="utf-8")
    words = ("sandbox", "--http-port", "0", "--smtp-port", "0", "--var", str(var), "--customers", str(people))
    with started(*words, env={}) as process:
        lines = read_until(process, "what customers see")
        exports = [line.removeprefix("export ").strip() for line in lines if line.startswith("export ")]
        assert (var / "sandbox.env").read_text().splitlines() == [f"export {line}" for line in exports]
        yield {"VAR": str(var)} | dict(shlex.split(line)[0].split("=", 1) for line in exports)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=SECONDS)
        assert process.returncode == 0


def delivered(sandbox: dict[str, str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (Path(sandbox["VAR"]) / "sandbox.jsonl").read_text().splitlines()]


def test_a_test_goes_to_the_address_by_its_shape(desk: Desk, sandbox: dict[str, str]) -> None:
    before = len(delivered(sandbox))
    result = desk.kabar("send-test", "win-back", "--to", "me@example.com", **sandbox)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("sent: ")
    assert desk.kabar("send-test", "hello", "--to", "my-token", **sandbox).exit_code == 0
    assert [line["channel"] for line in delivered(sandbox)[before:]] == ["email", "push"]
    assert audited(desk) == [("sari", "send_test"), ("sari", "send_test")]
    assert desk.sql("SELECT * FROM messages") == []


def test_a_test_is_filled_in_for_a_customer_who_gets_nothing(desk: Desk, sandbox: dict[str, str]) -> None:
    customer(desk, name="Wulan Pratiwi")
    result = desk.kabar("send-test", "hello", "--to", "my-token", "--customer", "C000001", **sandbox)
    assert result.exit_code == 0, result.output
    with urllib.request.urlopen(f"{sandbox['KABAR_PUSH__ENDPOINT']}/_sandbox/messages?to=my-token") as answer:
        shown = json.load(answer)["messages"]
    assert "Halo Wulan" in [message["content"]["title"] for message in shown]
    assert {message["customer"]["name"] for message in shown} == {"Wulan Pratiwi"}


def test_a_pop_up_goes_to_the_app_of_the_customer_it_is_addressed_to(desk: Desk, sandbox: dict[str, str]) -> None:
    customer(desk, name="Wulan Pratiwi")
    desk.write(**{"schedules/c9.yaml": campaign("inside", channels="[popup]")})
    result = desk.kabar("send-test", "inside", "--to", "C000001", **sandbox)
    assert result.exit_code == 0, result.output
    [waiting] = desk.sql("SELECT campaign, content ->> 'title' AS title FROM popup_tests")
    assert waiting == {"campaign": "inside", "title": "Halo Wulan"}
    assert desk.sql("SELECT * FROM messages") == []
    refused = desk.kabar("send-test", "inside", "--to", "C000009", "--customer", "C000001", **sandbox)
    assert refused.exit_code == 1
    assert 'no customer "C000009"' in refused.stderr


def test_an_outcome_that_is_not_sent_exits_1(desk: Desk, sandbox: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    refused = sandbox | {"KABAR_EMAIL__PORT": str(port)}
    result = desk.kabar("send-test", "win-back", "--to", "me@example.com", **refused)
    assert result.exit_code == 1
    assert result.stdout.startswith("retry: ")


def test_what_cannot_be_sent_is_told_with_the_way_out(desk: Desk, sandbox: dict[str, str]) -> None:
    def refusal(*words: str, **env: str) -> str:
        result = desk.kabar("send-test", *words, **env)
        assert (result.exit_code, result.stdout) == (1, "")
        return result.stderr

    assert "KABAR_EMAIL__HOST" in refusal("win-back", "--to", "me@example.com")
    assert 'did you mean "hello"?' in refusal("helo", "--to", "token", **sandbox)
    assert "goes by push" in refusal("hello", "--to", "me@example.com", **sandbox)
    assert "not a phone number" in refusal("win-back", "--to", "+62abc", **sandbox)
    assert "no customer" in refusal("hello", "--to", "token", "--customer", "C999999", **sandbox)


def test_a_sandbox_port_in_use_is_told(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = desk.kabar("sandbox", "--http-port", port, "--smtp-port", "0", "--var", str(desk.directory))
    assert result.exit_code == 1
    assert f"port {port} or 0 is taken" in result.stderr
