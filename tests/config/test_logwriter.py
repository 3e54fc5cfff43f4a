"""A log whose reader stops reading, or goes, or whose disk is full: the work goes on, and what was lost is counted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from config.logwriter import LogWriter

SECONDS = 30
WORK = """
import sys, structlog
from config.logging import configure_logging
from config.settings import Settings
configure_logging(Settings(log_format="json"), apart=True)
log = structlog.get_logger()
for number in range(300):  # more than a pipe holds
    log.info("message.sent", number=number, padding="x y " * 200)
print("done", flush=True)
sys.stdin.read()
log.info("the.end")
"""


def at_work(stderr: int) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", WORK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True)


def finished(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    assert process.stdout.readline() == "done\n"
    process.communicate(timeout=SECONDS)
    return process.returncode


def test_a_reader_that_stops_reading_does_not_stop_the_work_and_not_its_end() -> None:
    reading, writing = os.pipe()
    with at_work(writing) as process:
        os.close(writing)
        assert finished(process) == 0
    os.close(reading)


def test_a_reader_that_reads_on_hears_how_much_it_missed() -> None:
    reading, writing = os.pipe()
    writer = LogWriter(writing, room=50)
    for number in range(2_000):  # more than the pipe and the writer hold; nobody reads yet
        writer.write(json.dumps({"event": "message.sent", "number": number, "padding": "x" * 200}) + "\n")
    with os.fdopen(reading) as log, ThreadPoolExecutor(1) as pool:
        heard_by_all = pool.submit(lambda: [json.loads(line)["event"] if "lines" not in line else json.loads(line) for line in log])
        while not writer.write(json.dumps({"event": "the.end"}) + "\n"):
            os.sched_yield()  # until the reader has made room
        writer.close(SECONDS)
        os.close(writing)
        heard = heard_by_all.result(SECONDS)
    lost = sum(each["lines"] for each in heard if isinstance(each, dict))
    assert heard.count("message.sent") < 2_000
    assert lost >= 2_000 - heard.count("message.sent")


def test_a_reader_that_has_gone_ends_nothing() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with at_work(writing) as process:
        os.close(writing)
        assert finished(process) == 0


def test_a_disk_that_is_full_ends_nothing() -> None:
    with Path("/dev/full").open("w") as disk, at_work(disk.fileno()) as process:
        assert finished(process) == 0


def test_what_waits_is_written_at_the_end() -> None:
    reading, writing = os.pipe()
    writer = LogWriter(writing)
    for number in range(100):
        writer.write(f"{number}\n")
    writer.close()
    os.close(writing)
    with os.fdopen(reading) as log:
        assert log.read().split() == [str(number) for number in range(100)]
    assert signal.getsignal(signal.SIGPIPE) is signal.SIG_IGN
