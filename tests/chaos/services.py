"""Commands kept running as systemd would with Restart=always: what ends is started again, whoever ended it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, RLock, Thread
from time import monotonic

RESTART = 0.5  # seconds from an end to the next start
LOOK = 0.05


@dataclass
class Service:
    """One command. ends: exit codes nobody here asked for. starts: how often it was started."""

    name: str
    command: tuple[str | Path, ...]
    log: Path
    environment: Mapping[str, str]
    wanted: bool = True
    starts: int = 0
    ends: list[int] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    from_byte: int = 0  # of its log, since the last start
    asked: bool = False  # its end was
    again_at: float = 0.0

    def said(self, word: str) -> bool:
        """Since its last start, and it is still there."""
        if not self.alive:
            return False
        with self.log.open("rb") as log:
            log.seek(self.from_byte)
            return word.encode() in log.read()

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Services:
    """Starts, watches and ends them; each has a process group of its own, so that a Ctrl-C at the terminal does not reach it."""

    def __init__(self) -> None:
        self.all: dict[str, Service] = {}
        self._lock, self._over = RLock(), Event()
        self._watch = Thread(target=self._keep, name="services", daemon=True)

    def add(self, service: Service) -> None:
        """Start it, and from now on again whenever it ends."""
        with self._lock:
            self.all[service.name] = service
            self._start(service)
            if not self._watch.is_alive():
                self._watch.start()

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> bool:
        """Send its group a signal; False when it is not running just now."""
        service = self.all[name]
        with self._lock:
            if not service.alive or service.process is None:
                return False
            service.asked = service.asked or number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
            os.killpg(service.process.pid, number)
            if number == signal.SIGKILL:
                service.process.wait()
            return True

    def stop(self, name: str, number: signal.Signals = signal.SIGTERM, *, within: float = 60) -> int | None:
        """End it for good; its exit code."""
        return self.stop_all([name], number, within=within)[name]

    def stop_all(self, names: Iterable[str], number: signal.Signals = signal.SIGTERM, *, within: float = 60) -> dict[str, int | None]:
        """All at once."""
        services = [self.all[name] for name in names]
        for service in services:
            service.wanted = False
            self.kill(service.name, number)
        return {service.name: service.process.wait(within) if service.process else None for service in services}

    def start(self, name: str) -> None:
        with self._lock:
            service = self.all[name]
            service.wanted = True
            if not service.alive:
                self._start(service)

    def close(self) -> None:
        """Kill what is left of all of them."""
        self._over.set()
        with self._lock:
            for service in self.all.values():
                service.wanted = False
                if service.process is not None and service.alive:
                    os.killpg(service.process.pid, signal.SIGCONT)
                    os.killpg(service.process.pid, signal.SIGKILL)
                    service.process.wait()

    def _start(self, service: Service) -> None:
        with service.log.open("ab") as log:
            service.from_byte = log.tell()
            service.process = subprocess.Popen(
                service.command,
                env=os.environ | service.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        service.starts += 1
        service.asked, service.again_at = False, 0.0

    def _keep(self) -> None:
        while not self._over.wait(LOOK):
            with self._lock:
                for service in self.all.values():
                    self._look_after(service)

    def _look_after(self, service: Service) -> None:
        if self._over.is_set() or not service.wanted or service.process is None or service.process.poll() is None:
            return
        if not service.again_at:
            service.again_at = monotonic() + RESTART
            if not service.asked:
                service.ends.append(service.process.returncode)
        elif monotonic() >= service.again_at:
            self._start(service)
