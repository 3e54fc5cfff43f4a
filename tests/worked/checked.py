"""Examples of what `kabar check` refuses: a part of a configuration, and the words in which it says so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from config.loader import parse
from config.problems import ConfigError
from config.strict import Strict
from scheduler.bootstrap import contents
from tests.worked.page import Block, common, rules


class Checked(Strict):
    """says: what the message must hold, without its place."""

    rules: Mapping[str, Any]
    says: str


def answer(block: Block) -> tuple[str, list[str]]:
    """What the example expects, and the problems that are found."""
    example = Checked.model_validate(block.written)
    files = common() | {"rules.yaml": rules(example.rules)}
    try:
        parse({path: json.dumps(file) for path, file in files.items()}, contents())
    except ConfigError as error:
        return example.says, [problem.message for problem in error.problems]
    return example.says, []
