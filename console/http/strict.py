"""JSON as one can rely on: UTF-8, and no key twice in an object, of which readers take different ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fastapi import Request

TWICE = "a key twice"


class StrictRequest(Request):
    """A request whose JSON is read strictly."""

    async def json(self) -> Any:
        return json.loads((await self.body()).decode("utf-8"), object_pairs_hook=_once)


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise json.JSONDecodeError(TWICE, "", 0)
    return found
