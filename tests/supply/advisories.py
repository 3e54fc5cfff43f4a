"""Known vulnerabilities of the locked versions, asked of the OSV service, and the ones we live with until a date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import requests

from tests.supply.parts import Part

SERVICE = "https://api.osv.dev/v1/querybatch"
SECONDS = 10.0


class Unreachable(Exception):
    """Nobody answered, or not in the service's words."""


def found(parts: Sequence[Part], service: str = SERVICE) -> list[tuple[Part, str]]:
    """(part, id of the advisory). Raises Unreachable."""
    queries = [{"package": {"purl": part.purl}} for part in parts]
    try:
        answer = requests.post(service, json={"queries": queries}, timeout=SECONDS, allow_redirects=False)
        answer.raise_for_status()
        results = answer.json()["results"]
        if len(results) != len(parts):
            raise Unreachable("an answer of another length")
        return [(part, str(each["id"])) for part, result in zip(parts, results, strict=True) for each in result.get("vulns", ())]
    except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreachable(type(error).__name__) from None


def accepted(text: str, today: date) -> Iterator[str]:
    """Ids of lines `ID YYYY-MM-DD reason` whose date is not over. Raises ValueError for a line without date or reason."""
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        advisory, until, _ = line.split(maxsplit=2)
        if date.fromisoformat(until) >= today:
            yield advisory
