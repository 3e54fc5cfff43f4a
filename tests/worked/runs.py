"""Examples of when a campaign happens: its `when`, and the company times at which it runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from config.loader import parse
from config.strict import Names, Strict
from scheduler.bootstrap import contents
from scheduler.occurrences import occurrences
from tests.worked.clock import read_time, show_time
from tests.worked.hours import calendar_of
from tests.worked.page import Block, common, rules
from tests.worked.usual import HELLO, usual

_MINUTE = timedelta(minutes=1)


class Runs(Strict):
    """runs: every time from the first of them to the last."""

    rules: Mapping[str, Any] = {}
    when: Mapping[str, Any]
    runs: Names


def times(block: Block) -> tuple[list[str], list[str]]:
    """What the example says, and when the campaign runs."""
    example = Runs.model_validate(block.written)
    files = common() | {"rules.yaml": rules(example.rules), "schedules/c.yaml": usual("campaign", {"when": example.when})}
    texts = {path: json.dumps(file) for path, file in files.items()} | {"templates/hello.yaml": HELLO}
    config = parse(texts, contents())
    zone = config.rules.timezone
    first, last = (read_time(text, zone) for text in (example.runs[0], example.runs[-1]))
    campaign, calendar = config.campaigns["campaign"], calendar_of(config.rules.holidays)
    found = occurrences(config, campaign, calendar, first - _MINUTE, last + _MINUTE)
    return list(example.runs), [show_time(each.at, zone) for each in found]
