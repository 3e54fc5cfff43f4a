"""What every command runs in: a fast event loop, mistakes told in one line each, and no traceback on the screen."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog
import typer
from sqlalchemy.exc import OperationalError
from typer.core import TyperGroup
from typer.exceptions import TyperException

from config.printable import printable
from config.problems import ConfigError
from config.redaction import scrub
from store.engine import server_words

if sys.platform == "win32":
    new_loop = asyncio.SelectorEventLoop  # psycopg cannot use the default one there
else:
    import uvloop

    new_loop = uvloop.new_event_loop

log = structlog.get_logger()

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """A command's own loop, from its first await to its last."""
    with asyncio.Runner(loop_factory=new_loop) as runner:
        return runner.run(main)


class Guarded(TyperGroup):
    """Exit 1 with a line for each mistake; 2 is typer's, for wrong usage."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (TyperException, typer.Exit, typer.Abort, BrokenPipeError):
            raise
        except ConfigError as error:
            for problem in error.problems:
                typer.echo(printable(str(problem)), err=True)
        except OSError as error:
            if error.filename is None or error.strerror is None:
                self._unexpected(error)
            else:
                typer.echo(f"{error.filename}: {error.strerror}", err=True)
        except UnicodeEncodeError:
            typer.echo("kabar: a word of this command, or of its environment, is not UTF-8; write it again", err=True)
        except OperationalError as error:
            typer.echo(
                f"KABAR_DATABASE_URL: the database failed: {scrub(server_words(error))}; run the command again once it is well", err=True
            )
        except Exception as error:
            self._unexpected(error)
        raise typer.Exit(1)

    def _unexpected(self, error: Exception) -> None:
        log.error("command.failed", exc_info=error)
        typer.echo(f"kabar: stopped by an unexpected {type(error).__name__}; the log line before this one says where", err=True)
