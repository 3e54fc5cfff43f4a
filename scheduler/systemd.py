"""sd_notify(3): what a service manager is told, one datagram each. Without NOTIFY_SOCKET nobody listens, and nothing is said."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

READY, WATCHDOG, STOPPING = "READY=1", "WATCHDOG=1", "STOPPING=1"
_MICRO = 1_000_000


class Manager:
    """The one at the other end of NOTIFY_SOCKET. seconds: between two WATCHDOG=1, half of what it allows; None when it keeps no watch."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        place = environ.get("NOTIFY_SOCKET", "")
        # An abstract socket begins with @ in the environment, with a NUL where it is.
        self._place = f"\0{place[1:]}" if place.startswith("@") else place
        self.listens = place.startswith(("/", "@"))
        allowed, whose = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
        mine = self.listens and allowed.isdecimal() and whose in ("", str(os.getpid()))
        self.seconds = int(allowed) / _MICRO / 2 if mine and int(allowed) else None

    def say(self, *words: str) -> None:
        """Never waits and never raises: a manager that has gone is no reason to stop."""
        if self.listens:
            with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as line:
                line.sendto("\n".join(words).encode("utf-8", "replace"), self._place)
