"""Lines of the log, written by a thread of their own: a reader that stops reading must not stop what the log is about."""

from __future__ import annotations

import atexit
import json
import os
import queue
import threading
from contextlib import suppress

ROOM = 10_000  # lines that wait; what comes on top is counted and dropped
FLUSH_SECONDS = 2.0  # for what waits when the process ends


class LogWriter:
    """Takes lines without ever waiting. When the reader has gone, or the disk is full, lines are dropped, too."""

    def __init__(self, descriptor: int, room: int = ROOM) -> None:
        self._descriptor, self._lines = descriptor, queue.Queue[str | None](room)
        self._dropped = 0
        # A daemon thread: one that is stuck in a write must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def write(self, text: str) -> int:
        """How much is going to be written: all or nothing."""
        try:
            self._lines.put_nowait(text)
        except queue.Full:
            self._dropped += 1
            return 0
        return len(text)

    def flush(self) -> None:
        """Each line is out as soon as it is written."""

    def close(self, seconds: float = FLUSH_SECONDS) -> None:
        """Write what waits, but not longer than so many seconds."""
        with suppress(queue.Full):
            self._lines.put(None, timeout=seconds)
            self._thread.join(seconds)

    def _run(self) -> None:
        while (text := self._lines.get()) is not None:
            dropped, self._dropped = self._dropped, 0
            if dropped:
                text += json.dumps({"event": "log.lines_dropped", "level": "warning", "lines": dropped}) + "\n"
            self._write(text.encode("utf-8", "backslashreplace"))

    def _write(self, data: bytes) -> None:
        # Past Python's own buffer: its lock, held by a thread that is stuck, would end the interpreter with an abort.
        with suppress(OSError):
            while data:
                data = data[os.write(self._descriptor, data) :]
