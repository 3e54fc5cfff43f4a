"""CPU of a mail: `python benchmarks/mail.py [mails]`. A sink in a process of its own takes all; rendering, writing and sending are ours.

Every line is one pair of choices: the sink offers PIPELINING or not, and mails are signed with DKIM or not.
"""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import resource
import sys
import tempfile
import time
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import uvloop
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from channels.base import Address, Content, Envelope, Sent
from channels.email.content import EmailContent
from channels.email.settings import EmailSettings, Security
from channels.email.smtp import SmtpAdapter
from config.loader import load
from jobs.render import person_values, render
from scheduler.bootstrap import contents

CONNECTIONS = 20
ROUNDS = 3  # the best of them counts: the machine has other things to do
CONFIG = Path(__file__).resolve().parent.parent / "config"


class Sink(asyncio.Protocol):
    """Answers every command line with yes, and every mail with a number."""

    def __init__(self, extensions: bytes) -> None:
        self._extensions, self._buffer, self._content = extensions, bytearray(), False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answers = []
        while (end := self._buffer.find(b"\r\n.\r\n" if self._content else b"\r\n")) >= 0:
            line = bytes(self._buffer[:4])
            del self._buffer[: end + (5 if self._content else 2)]
            answers.append(self._answer(line))
        if answers:
            self._transport.write(b"".join(answers))

    def _answer(self, line: bytes) -> bytes:
        if self._content:
            self._content = False
            return b"250 2.0.0 Ok: queued as 4F2A\r\n"
        if line == b"EHLO":
            return self._extensions
        self._content = line == b"DATA"
        return b"354 Go on\r\n" if self._content else b"250 2.1.0 Ok\r\n"


def sink(pipe: Connection) -> None:
    """Two ports: without and with PIPELINING."""

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        plain = await loop.create_server(lambda: Sink(b"250 sink\r\n"), "127.0.0.1", 0)
        piped = await loop.create_server(lambda: Sink(b"250-sink\r\n250 PIPELINING\r\n"), "127.0.0.1", 0)
        pipe.send([server.sockets[0].getsockname()[1] for server in (plain, piped)])
        await asyncio.to_thread(pipe.recv)

    uvloop.run(serve())


def envelope(content: Content, number: int) -> Envelope:
    values = person_values(
        name=f"Budi Santoso {number}", customer_no=f"C{number}", locale="id", attributes={}, campaign="weekly-market", event={}
    )
    return Envelope(
        message_id=number,
        key=f"kabar-{number}",
        person_id=number,
        campaign="weekly-market",
        category="info",
        priority=30,
        locale="id",
        content=render(content, values),
        ttl=timedelta(hours=3),
        address=Address(number, "email", f"c{number}@example.com"),
        unsubscribe=f"https://kabar.example.com/u/{number}-0123456789abcdef",
    )


async def measure(settings: EmailSettings, content: Content, mails: int) -> tuple[float, float]:
    """(mails a second, CPU seconds of this process for 1,000)."""
    smtp = SmtpAdapter(settings)
    await smtp.start()
    numbers = itertools.count()

    async def work(limit: int) -> None:
        while (number := next(numbers)) < limit:
            assert isinstance(await smtp.send(envelope(content, number)), Sent)

    await work(CONNECTIONS)  # compiles and connects
    numbers = itertools.count()
    began, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    await asyncio.gather(*(work(mails) for _ in range(CONNECTIONS)))
    took, now = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    await smtp.close()
    return mails / took, (now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime) * 1000 / mails


def rendering(content: Content, mails: int) -> float:
    """CPU seconds for filling in 1,000."""
    began = time.process_time()
    for number in range(mails):
        envelope(content, number)
    return (time.process_time() - began) * 1000 / mails


async def bench(ports: list[int], mails: int, key_file: Path) -> None:
    content = next(found for variant in load(CONFIG, contents()).templates["weekly-market"].variants for found in variant.channels.values())
    assert isinstance(content, EmailContent)
    began = time.process_time()
    render(content, person_values(name="B", customer_no="C", locale="id", attributes={}, campaign="weekly-market", event={}))
    print(f"a variant made ready, once: {(time.process_time() - began) * 1000:.0f} ms")
    print(f"filling in a person's values alone: {rendering(content, mails):.3f} CPU s/1k")
    for signed in (False, True):
        dkim = {"dkim_key_file": key_file, "dkim_selector": "s1"} if signed else {}
        for port, name in zip(ports, ("one by one", "pipelined"), strict=True):
            settings = EmailSettings.model_validate(
                {
                    "host": "127.0.0.1",
                    "port": port,
                    "security": Security.NONE,
                    "sender": "Kabar <kabar@example.com>",
                    "bounce_domain": "bounce.example.com",
                    "concurrency": CONNECTIONS,
                    **dkim,
                }
            )
            rounds = [await measure(settings, content, mails) for _ in range(ROUNDS)]
            rate, cpu = max(rounds)[0], min(cpu for _, cpu in rounds)
            print(f"DKIM {'on ' if signed else 'off'}  {name:<10}  {rate:>7,.0f}/s  {cpu:.3f} CPU s/1k")


def main() -> None:
    mails = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=sink, args=(theirs,))
    process.start()
    key = generate_private_key(public_exponent=65537, key_size=2048)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.flush()
        try:
            uvloop.run(bench(ours.recv(), mails, Path(file.name)))
        finally:
            ours.send("stop")
            process.join()


if __name__ == "__main__":
    main()
