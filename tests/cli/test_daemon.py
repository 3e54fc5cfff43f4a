"""The long-running commands: they start, they say why they cannot, and a signal ends them in good order."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer

from config.problems import ConfigError, Problem
from console.cli.guard import run
from console.cli.run import together
from tests.cli.conftest import Desk

KABAR = Path(sys.executable).with_name("kabar")
SECONDS = 60


@contextmanager
def started(*words: str, env: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The real process; killed at the end should it still be there."""
    with subprocess.Popen(
        [KABAR, *words], env=os.environ | env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], word: str) -> list[str]:
    """Lines up to the one that holds the word; everything when the process ended without it."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if word in line:
            return lines
    raise AssertionError(f"{word} never came:\n" + "".join(lines))


def hear(manager: socket.socket, word: str) -> None:
    """As systemd does, at the other end of NOTIFY_SOCKET."""
    while manager.recv(4096).decode() != word:
        continue


def test_up_runs_on_its_own_database_until_sigterm_and_exits_0(desk: Desk) -> None:
    env = {name: value for name, value in desk.env.items() if name != "KABAR_DATABASE_URL"}
    var, place = desk.directory / "var", f"\0kabar-test-{os.getpid()}-up"
    env |= {"KABAR_VAR_DIR": str(var), "KABAR_HTTP__PORT": "0", "NOTIFY_SOCKET": place.replace("\0", "@"), "WATCHDOG_USEC": "400000"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, started("up", env=env) as process:
        manager.bind(place)
        manager.settimeout(SECONDS)
        read_until(process, "web.started")
        hear(manager, "READY=1")  # of scheduler, worker and web together
        hear(manager, "WATCHDOG=1")
        process.send_signal(signal.SIGTERM)
        hear(manager, "STOPPING=1")
        rest, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, rest
    assert "scheduler.stopped" in rest
    assert not (var / "postgres" / "postmaster.pid").exists()


def test_the_processes_of_the_procfile_stop_in_good_order(desk: Desk) -> None:
    env = desk.env | {"KABAR_HTTP__PORT": "0"}
    bare = env | {"KABAR_CONFIG_DIR": "nowhere"}
    with started("scheduler", env=env) as scheduler, started("worker", env=bare) as worker, started("web", env=bare) as web:
        for name, process in (("scheduler", scheduler), ("worker", worker), ("web", web)):
            read_until(process, f"{name}.started")
            process.send_signal(signal.SIGTERM)
            rest, _ = process.communicate(timeout=SECONDS)
            assert process.returncode == 0, rest
    assert desk.sql("SELECT count(*) AS n FROM versions") == [{"n": 1}]


def test_a_port_in_use_is_told_with_the_way_out(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = desk.kabar("up", KABAR_HTTP__PORT=str(port))
    assert result.exit_code == 1
    assert f"KABAR_HTTP__PORT: port {port} is in use" in result.stderr
    assert "Traceback" not in result.output


def test_a_bad_configuration_stops_up_before_it_touches_the_database(desk: Desk) -> None:
    desk.write(**{"schedules/c0.yaml": "campaign: [\n"})
    result = desk.kabar("up", KABAR_DATABASE_URL="postgresql://127.0.0.1:1/nobody")
    assert result.exit_code == 1
    assert "schedules/c0.yaml:" in result.stderr
    assert "cannot reach" not in result.stderr


@pytest.mark.parametrize("words", [("up",), ("worker",), ("status",), ("export", "messages"), ("db", "upgrade")])
def test_an_unreachable_database_is_told_with_the_way_out(desk: Desk, words: tuple[str, ...]) -> None:
    result = desk.kabar(*words, KABAR_DATABASE_URL="postgresql://kabar:hush@127.0.0.1:1/kabar")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "KABAR_DATABASE_URL: cannot reach the database" in result.stderr
    assert "hush" not in result.output
    assert "Traceback" not in result.output


def test_a_database_behind_this_version_names_the_command(desk: Desk) -> None:
    desk.sql("DROP SCHEMA public CASCADE")
    desk.sql("CREATE SCHEMA public")
    result = desk.kabar("scheduler")
    assert result.exit_code == 1
    assert "kabar db upgrade" in result.stderr
    assert "is up to date now" in desk.kabar("db", "upgrade").stdout
    assert "was up to date already" in desk.kabar("db", "upgrade").stdout


def test_a_part_that_dies_stops_the_others_in_good_order() -> None:
    ended = []

    async def dies() -> None:
        raise RuntimeError("no")

    async def main(part: ConfigError | None) -> None:
        stop = asyncio.Event()

        async def lives() -> None:
            await stop.wait()
            ended.append("lives")

        async def refuses() -> None:
            raise part or AssertionError

        await together(stop, one=lives(), two=dies() if part is None else refuses())

    with pytest.raises(typer.Exit) as left:
        run(main(None))
    assert (left.value.exit_code, ended) == (1, ["lives"])
    with pytest.raises(ConfigError):
        run(main(ConfigError([Problem("KABAR_HTTP__PORT", 0, 0, "in use")])))
    assert ended == ["lives", "lives"]
