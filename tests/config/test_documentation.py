"""docs/configuration.md says what the models say: every key, every variable, every default, and none that does not exist."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import time, timedelta
from enum import Enum
from pathlib import Path, PurePath
from typing import Any, get_args

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from channels.registry import CHANNELS
from config import accounts, models, strict, templates, when
from config.companions import companions
from config.conditions import COLUMNS
from config.filters import FILTERS
from config.retention import Retention
from config.settings import HttpSettings, Settings
from config.templating import NAMES
from config.values import OpenHours, format_duration, parse_weekly_hours

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
NOT_WRITTEN = "see below"
PARTS = (HttpSettings, Retention)  # of Settings, with a table of their own
Rows = Mapping[str, str]


def tables(kind: str) -> Mapping[str, Rows]:
    """Every table that stands under a mark `<!-- kind: name -->`: name → {first cell: third cell}."""
    found = {}
    for mark, body in re.findall(rf"<!-- {kind}(?:: (\w+))? -->\n((?:\|.*\n)+)", PAGE):
        rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in body.splitlines()[2:]]
        found[mark] = {row[0].strip("`"): row[2] if len(row) > 2 else "" for row in rows}
    return found


def written_by_operations() -> dict[str, type[BaseModel]]:
    """The models of the YAML: those of config/, and what a template says on each channel, with the models inside it."""
    every: list[type[BaseModel]] = [
        item
        for module in (models, when, templates, accounts)
        for item in vars(module).values()
        if isinstance(item, type) and issubclass(item, BaseModel) and item.__module__ == module.__name__
    ]
    for channel in CHANNELS.values():
        every += [channel.content, *inside(channel.content)]
    for companion in companions({name: channel.content for name, channel in CHANNELS.items()}).values():
        every += [companion, *(part for each in inside(companion) for part in (each, *inside(each)))]
    return {item.__name__: item for item in every if item is not strict.Strict and not item.__name__.startswith("_")}


def inside(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for info in model.model_fields.values():
        stack: list[Any] = [info.annotation]
        while stack:
            item = stack.pop()
            stack += get_args(item)
            if isinstance(item, type) and issubclass(item, BaseModel):
                yield item


def keys(model: type[BaseModel]) -> dict[str, str]:
    """Key as it is written → default as the page spells it."""
    fields = {info.alias or name: spelled(info) for name, info in model.model_fields.items()}
    if model is templates.Variant:
        del fields["channels"]  # what it says on each channel is a table of its own
    return fields


def variables(prefix: str, kind: type[BaseModel]) -> dict[str, str]:
    return {f"{prefix}{name}".upper(): spelled(info) for name, info in kind.model_fields.items() if info.annotation not in PARTS}


def spelled(info: Any) -> str:
    """A default as the page writes it; a part of its own has its own table."""
    default = info.get_default(call_default_factory=True)
    if default is PydanticUndefined:
        return "required"
    if default is None or default == "":
        return "–"
    if isinstance(default, BaseModel):
        return NOT_WRITTEN
    return f"`{plain(default)}`"


def plain(default: object) -> str:
    match default:
        case bool():
            return str(default).lower()
        case Enum():
            return str(default.value)
        case timedelta():
            return format_duration(default)
        case time():
            return f"{default:%H:%M}"
        case float():
            return f"{default:g}"
        case PurePath():
            return default.as_posix()
        case OpenHours():
            return next(str(text) for text in re.findall(r"`([^`]+)`", PAGE) if default == hours(text))
        case tuple() | frozenset() | dict() if not default:
            return "none"
    return str(default).removesuffix("/")


def hours(text: str) -> OpenHours | None:
    try:
        return parse_weekly_hours(text)
    except ValueError:
        return None


MODELS = written_by_operations()
SETTINGS: dict[str, tuple[str, type[BaseModel]]] = {
    "Settings": ("KABAR_", Settings),
    "HttpSettings": ("KABAR_HTTP__", HttpSettings),
    "Retention": ("KABAR_RETENTION__", Retention),
    **{kind.__name__: (str(kind.model_config["env_prefix"]), kind) for kind in (channel.settings for channel in CHANNELS.values())},
}


@pytest.mark.parametrize("name", MODELS)
def test_every_key_stands_in_its_table_with_its_default(name: str) -> None:
    assert tables("model").get(name) == keys(MODELS[name])


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_stands_in_its_table_with_its_default(name: str) -> None:
    prefix, kind = SETTINGS[name]
    assert tables("settings").get(name) == variables(prefix, kind)


def test_no_table_is_about_something_that_is_gone() -> None:
    assert tables("model").keys() == MODELS.keys()
    assert tables("settings").keys() == SETTINGS.keys()


def test_no_variable_is_named_that_does_not_exist() -> None:
    known = {variable for prefix, kind in SETTINGS.values() for variable in variables(prefix, kind)}
    named = set(re.findall(r"\bKABAR_[A-Z0-9_]*[A-Z0-9]", PAGE))
    assert {name for name in named if not name.startswith("KABAR_ACCOUNTS")} == known  # those are named by channels.yaml


def test_columns_names_and_filters_are_those_there_are() -> None:
    assert tables("columns")[""].keys() == COLUMNS.keys()
    assert tables("names")[""].keys() == NAMES
    assert tables("filters")[""].keys() == FILTERS.keys()
