"""kabar export messages: the stable columns, safe cells, UTC."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
import typer
from freezegun import freeze_time

from console.cli.times import parse_since, wall_clock
from console.cli.unmask import account
from store.engine import Database
from store.reports import stream_messages
from tests.cli.conftest import Desk, customer, message, run_of

HEADER = (
    "message_id,campaign,occurrence,customer_no,channel,category,topic,status,reason,queued_at,released_at,sent_at,delivered_at,read_at,"
    "provider_id,attempts,maybe_duplicate"
)
JAKARTA = ZoneInfo("Asia/Jakarta")


def test_the_header_stands_even_over_nothing(desk: Desk) -> None:
    result = desk.kabar("export", "messages")
    assert result.exit_code == 0
    assert result.stdout == HEADER + "\n"


def test_a_message_is_a_row_with_times_in_utc(desk: Desk) -> None:
    person, run = customer(desk), run_of(desk)
    first = message(
        desk, run, person, status="sent", topic="t", released_at="2026-11-20T19:00:00+07:00", sent_at="2026-11-20T19:00:01.5+07:00",
        provider_id="p-1", attempts=2, maybe_duplicate=True,
    )  # fmt: skip
    assert desk.kabar("export", "messages").stdout.splitlines()[1] == (
        f"{first},hello,2026-11-20T18:45,C000001,push,reminder,t,sent,,2026-11-20T11:45:00.000Z,2026-11-20T12:00:00.000Z,"
        "2026-11-20T12:00:01.500Z,,,p-1,2,true"
    )
    row = json.loads(desk.kabar("export", "messages", "--format", "jsonl").stdout)
    assert list(row) == HEADER.split(",")
    assert (row["message_id"], row["attempts"], row["maybe_duplicate"], row["reason"]) == (first, 2, True, None)


def test_no_cell_passes_as_a_formula(desk: Desk) -> None:
    message(desk, run_of(desk), customer(desk, "=HYPERLINK(1)"), provider_id="@SUM(1)")
    row = desk.kabar("export", "messages").stdout.splitlines()[1]
    assert ",'=HYPERLINK(1)," in row
    assert ",'@SUM(1)," in row


def test_only_what_was_queued_since_is_written(desk: Desk) -> None:
    person, run = customer(desk), run_of(desk)
    message(desk, run, person, queued_at="2026-11-19T23:59:00+07:00")
    late = message(desk, run, person, channel="email", queued_at="2026-11-20T00:00:00+07:00")
    rows = desk.kabar("export", "messages", "--since", "2026-11-20").stdout.splitlines()[1:]
    assert [row.split(",")[0] for row in rows] == [str(late)]
    assert desk.kabar("export", "messages", "--since", "yesterday").exit_code == 2


def test_a_file_appears_whole_or_not_at_all(desk: Desk) -> None:
    out = desk.directory / "messages.csv"
    assert desk.kabar("export", "messages", "--out", str(out)).exit_code == 0
    assert out.read_text() == HEADER + "\n"
    desk.kabar("export", "messages", "--out", str(out), "--since", "nonsense")
    assert [path.name for path in desk.directory.glob("messages*")] == ["messages.csv"]
    assert out.read_text() == HEADER + "\n"
    result = desk.kabar("export", "messages", "--out", "nowhere/messages.csv")
    assert result.exit_code == 1
    assert "nowhere" in result.stderr


def test_a_file_is_its_owners_alone_also_where_another_stood(desk: Desk) -> None:
    customer(desk)
    for kind in (("messages",), ("suppressions",), ("tombstones",), ("person", "C000001", "--reason", "request of 20 November")):
        out = desk.directory / "out"
        out.write_text("older")
        out.chmod(0o644)
        done = desk.kabar("export", *kind, "--out", str(out), KABAR_MAY_UNMASK=account())
        assert done.exit_code == 0, done.stderr
        assert stat.S_IMODE(out.stat().st_mode) == 0o600, kind
        assert out.read_text() != "older"


def test_a_link_in_the_way_of_an_export_is_not_followed(desk: Desk) -> None:
    theirs = desk.directory / "theirs"
    theirs.write_text("theirs")
    (desk.directory / "messages.csv.part").symlink_to(theirs)
    assert desk.kabar("export", "messages", "--out", str(desk.directory / "messages.csv")).exit_code == 0
    assert theirs.read_text() == "theirs"


async def test_rows_come_in_batches_of_bounded_size(desk: Desk, database: Database) -> None:
    run = run_of(desk)
    desk.sql("INSERT INTO people (customer_no, name) SELECT 'N' || n, 'x' FROM generate_series(1, 5000) n")
    desk.sql(
        """INSERT INTO messages (run_id, person_id, channel, category, variant, window_key, status, queued_at, expires_at)
           SELECT %(run)s, id, 'push', 'reminder', 0, 'win:any-time@Asia/Jakarta', 'queued', now(), now() FROM people""",
        run=run,
    )
    async with database.begin() as connection:
        assert [len(part) async for part in stream_messages(connection, None)] == [2000, 2000, 1000]


@freeze_time("2026-11-20 12:00:00")
def test_since_takes_how_long_ago() -> None:
    assert parse_since("2h", JAKARTA, wall_clock()) == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert parse_since("3d ago", JAKARTA, wall_clock()) == datetime(2026, 11, 17, 12, tzinfo=UTC)


def test_since_takes_dates_and_times_in_the_companys_zone() -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert parse_since("2026-11-20", JAKARTA, now) == datetime(2026, 11, 19, 17, tzinfo=UTC)
    assert parse_since("2026-11-20T19:00", JAKARTA, now) == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert parse_since("2026-11-20T19:00Z", JAKARTA, now) == datetime(2026, 11, 20, 19, tzinfo=UTC)
    with pytest.raises(typer.BadParameter, match="write 2026-11-20"):
        parse_since("soon", JAKARTA, now)
