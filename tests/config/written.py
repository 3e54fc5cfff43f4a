"""A small configuration that is in order, to be spoilt one line at a time, and stand-ins for what channels say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict

from config.loader import Config, parse
from config.problems import ConfigError


def _https(value: str) -> str:
    if not value.startswith("https://") and "{{" not in value:
        raise ValueError(f'"{value}" is not a link; write https://…')
    return value


class Push(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    tells: ClassVar[frozenset[str]] = frozenset({"read", "clicked"})

    title: str
    body: str
    image: Annotated[str, AfterValidator(_https)] | None = None


class Email(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    tells: ClassVar[frozenset[str]] = frozenset({"clicked"})

    subject: str
    body: str


CONTENTS: Mapping[str, type[BaseModel]] = {"push": Push, "email": Email}

FILES: Mapping[str, str] = {
    "rules.yaml": """\
windows:
  after-office: {weekdays: "19:00-21:30", weekends: "10:00-21:30"}
  any-time: always
segment_windows: {regular: after-office, hnwi: after-office}
overlap:
  gap: 2h
  caps:
    - {channel: push, max: 1, per: day}
    - {category: promo, max: 4, per: 7d}
categories:
  service: {priority: 100, ignore: [window, gap, caps]}
  promo: {priority: 10, offer: true}
""",
    "segments.yaml": """\
segments:
  hnwi: portfolio_value >= 500000000
  regular: portfolio_value < 500000000
  dormant: last_trade_on < today - interval '180 days'
""",
    "events.yaml": """\
business:
  class:
    - {at: "2026-11-20 20:00", title: Kelas, host: Sari}
    - {at: "2026-11-21 11:00", title: Kelas}
customer:
  kyc.rejected: {data: [reason]}
""",
    "schedules/class.yaml": """\
campaign: class
category: promo
audience: {any: [regular, hnwi], not: [dormant]}
channels: [push]
when: {before: class, by: 1h}
template: class
owner: marcomm
""",
    "templates/class.yaml": """\
template: class
variants:
  - segment: hnwi
    push: {title: "Untuk Anda", body: "{{ event.title }}"}
  - push:
      title: "Hai {{ first_name }}"
      body: |
        Halo,
        {{ event.title }} jam {{ event.at | jam }}
""",
}


def spoilt(path: str, old: str, new: str) -> dict[str, str]:
    """FILES with one piece of one file replaced."""
    assert old in FILES[path]
    return {**FILES, path: FILES[path].replace(old, new, 1)}


def problems(files: Mapping[str, str]) -> list[str]:
    """Everything found wrong, as it is printed."""
    with pytest.raises(ConfigError) as caught:
        parse(files, CONTENTS)
    return [str(problem) for problem in caught.value.problems]


def good(files: Mapping[str, str] = FILES) -> Config:
    return parse(files, CONTENTS)
