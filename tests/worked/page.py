"""docs/rules.md as sections with their blocks of YAML, read as the configuration itself is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from config.problems import Problem
from config.source import read

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"
_FENCE = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"# example(?: \((\w+)\))?: (.+)")

_PLAIN = {"open": "hours", "runs": "runs"}  # known by a key; what has neither is a decision

Written = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Block:
    """kind: `judged`, `hours`, `runs`, `check`, `played`; or `common`, a file that all examples share, with its name as the title."""

    section: str
    kind: str
    title: str
    written: Written

    def __str__(self) -> str:
        return self.title


def sections() -> dict[str, str]:
    """Heading → what stands below it, in order."""
    parts = re.split(r"^## (.+)\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def blocks() -> list[Block]:
    return [_block(heading, text) for heading, body in sections().items() for text in _FENCE.findall(body)]


def examples(*kinds: str) -> list[Block]:
    return [block for block in blocks() if block.kind in kinds]


def common() -> dict[str, Written]:
    """The files that all examples share, by name."""
    return {block.title: block.written for block in examples("common")}


def rules(changes: Written) -> dict[str, Any]:
    """rules.yaml of the page with an example's own lines laid over it: mappings are joined, all else is replaced."""
    return laid_over(common()["rules.yaml"], changes)


def laid_over(below: Written, above: Written) -> dict[str, Any]:
    both = {key: laid_over(below[key], above[key]) for key in below.keys() & above.keys() if isinstance(below[key], dict)}
    return {**below, **above, **both}


def _block(section: str, text: str) -> Block:
    first, _, rest = text.partition("\n")
    problems: list[Problem] = []
    source = read("docs/rules.md", rest, problems)
    if source is None or problems:
        raise ValueError(f"{section}: {first}: {problems}")
    written = TypeAdapter(dict[str, Any]).validate_python(source.data)
    if found := _MARK.fullmatch(first):
        plain = next((kind for key, kind in _PLAIN.items() if key in written), "judged")
        return Block(section, found[1] or plain, found[2], written)
    if found := re.match(r"# (\w+\.yaml)", first):
        return Block(section, "common", found[1], written)
    raise ValueError(f'{section}: a block begins with "# example: …" or the name of a file, not with "{first}"')
