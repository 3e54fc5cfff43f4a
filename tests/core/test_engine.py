"""The database: patient for seconds and not for minutes, discreet about rows, and nobody's once its last user is gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError

from store.embedded import embedded_uri
from store.engine import CONNECT_SECONDS, Database, open_database
from store.statements import run, sql


async def test_a_server_that_never_answers_is_given_up_on() -> None:
    opened = open_database("postgresql://kabar@db/kabar?sslmode=require")
    query = make_url(opened.conninfo).query
    assert (query["sslmode"], query["connect_timeout"]) == ("require", str(CONNECT_SECONDS))
    assert opened.engine.url.query == make_url(opened.conninfo).query
    assert make_url(open_database("postgresql://db/kabar?connect_timeout=3").conninfo).query["connect_timeout"] == "3"


async def test_an_error_does_not_quote_the_row_it_is_about(database: Database) -> None:
    with pytest.raises(ProgrammingError) as caught:
        async with database.begin() as connection:
            await run(connection, sql("SELECT * FROM nowhere WHERE name = :name"), name="Kenari")
    assert "Kenari" not in str(caught.value)


def test_a_process_that_was_killed_does_not_keep_the_server_running(server: str) -> None:
    data = Path(str(make_url(server).query["host"]))
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    users = data / ".handle_pids.json"
    users.write_text(json.dumps([gone.pid, os.getpid()]))
    embedded_uri(data)
    assert json.loads(users.read_text()) == [os.getpid()]
