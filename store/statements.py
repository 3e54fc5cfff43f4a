"""How SQL text is run: named parameters, arrays for batches, plain tuples back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import BigInteger, DateTime, Integer, Text

LONGS = ARRAY(BigInteger)
INTS = ARRAY(Integer)
TEXTS = ARRAY(Text)
TIMES = ARRAY(DateTime(timezone=True))
TIME = DateTime(timezone=True)
JSON = JSONB


def sql(statement: str, **types: Any) -> TextClause:
    """A statement with the types of its array and JSON parameters, prepared once at import."""
    return text(statement).bindparams(*(bindparam(name, type_=kind) for name, kind in types.items()))


async def rows(connection: AsyncConnection, statement: TextClause, **values: Any) -> Sequence[Row[Any]]:
    return (await connection.execute(statement, values)).all()


async def run(connection: AsyncConnection, statement: TextClause, **values: Any) -> int:
    """Rows touched."""
    return (await connection.execute(statement, values)).rowcount
