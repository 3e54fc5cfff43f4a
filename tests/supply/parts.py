"""The runtime dependencies: what the lock file says, and what is installed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PINNED = re.compile(r"([A-Za-z0-9._-]+)(?:\[[a-z0-9,_-]+\])?==([A-Za-z0-9.+!]+)(?: ; [^\\]+)?")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Part:
    """One line of a lock file."""

    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def purl(self) -> str:
        return f"pkg:pypi/{re.sub(r'[-_.]+', '-', self.name).lower()}@{self.version}"

    def installed(self) -> Distribution | None:
        """None where its marker leaves it out on this machine."""
        try:
            return distribution(self.name)
        except PackageNotFoundError:
            return None


def locked(text: str) -> Iterator[Part]:
    """Raises ValueError for a line that is no pinned and hashed requirement: an index, a link, a path."""
    for line in filter(None, (line.strip() for line in text.replace("\\\n", " ").splitlines())):
        requirement, *hashes = re.split(r"\s+(?=--hash)", line)
        found = _PINNED.fullmatch(requirement.strip())
        digests = [_HASH.fullmatch(each.strip()) for each in hashes]
        if not found or not digests or not all(digests):
            raise ValueError(f"not a pinned requirement with hashes: {line[:80]}")
        yield Part(found[1], found[2], tuple(digest[1] for digest in digests if digest))


def runtime() -> list[Part]:
    return list(locked((ROOT / "requirements.txt").read_text()))


def licence(found: Distribution) -> str:
    """As the package declares it: the expression, else its classifiers, else the free field."""
    told = found.metadata
    classifiers = [text.rpartition(":: ")[2] for text in told.get_all("Classifier") or () if text.startswith("License :: ")]
    named = [text for text in classifiers if text != "OSI Approved"]
    fields = [" ".join(told.get_all(name) or ()).strip().partition("\n")[0] for name in ("License-Expression", "License")]
    return fields[0] or " OR ".join(named) or fields[1]
