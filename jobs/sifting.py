"""One thing that cannot be worked on must not hold up what came with it: a batch that fails is tried in halves, down to the one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.mishaps import is_outage

T = TypeVar("T")


async def sift(
    connection: AsyncConnection, items: Sequence[T], work: Callable[[Sequence[T]], Awaitable[object]], *, few: int | None = None
) -> list[tuple[T, Exception]]:
    """Work on all that can be worked on, in the transaction at hand; returns the others with what they raise.

    few: when more than so many fail and nothing at all succeeds it is not them, and the error is raised.
    An outage is always raised.
    """
    refused: list[tuple[T, Exception]] = []
    worked = False

    async def part(some: Sequence[T]) -> None:
        nonlocal worked
        try:
            async with connection.begin_nested():
                await work(some)
            worked = True
        except Exception as error:
            if is_outage(error):
                raise
            if len(some) > 1:
                middle = len(some) // 2
                await part(some[:middle])
                await part(some[middle:])
                return
            refused.append((some[0], error))
            if few is not None and not worked and len(refused) > few:
                raise

    if items:
        await part(items)
    return refused
