"""What pydantic found wrong, in words for whoever wrote the file, at the place where they wrote it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.problems import Problem, suggest
from config.source import Path, Source

M = TypeVar("M", bound=BaseModel)

_SHAPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "mapping_type": "a mapping (key: value)",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "tuple_type": "a list",
    "list_type": "a list",
    "frozen_set_type": "a list",
    "date_type": "a date such as 2026-11-20",
    "date_parsing": "a date such as 2026-11-20",
    "date_from_datetime_parsing": "a date such as 2026-11-20",
    "date_from_datetime_inexact": "a date without a time",
    "datetime_type": "a date and time such as 2026-11-20 19:00",
    "datetime_parsing": "a date and time such as 2026-11-20 19:00",
    "datetime_from_date_parsing": "a date and time such as 2026-11-20 19:00",
    "time_parsing": "a time such as 08:00",
}


def validate(model: type[M], source: Source, problems: list[Problem], path: Path = (), only: Collection[str] | None = None) -> M | None:
    """The value at `path` (or `only` some keys of it) as `model`; None when it is wrong, and each fault in `problems`."""
    value = source.get(path)
    if only is not None and isinstance(value, dict):
        value = {key: item for key, item in value.items() if key in only}
    try:
        return model.model_validate(value)
    except ValidationError as error:
        problems.extend(_problem(model, source, path, fault) for fault in error.errors(include_url=False))
        return None


def _problem(model: type[BaseModel], source: Source, base: Path, fault: ErrorDetails) -> Problem:
    path, missing = locate(source, base, fault["loc"])
    if fault["type"] == "missing":
        return source.problem(path, f'"{missing}" is missing', key=True)
    if fault["type"] == "extra_forbidden":
        known = field_names(model, fault["loc"][:-1])
        return source.problem(path, f'unknown key "{path[-1]}"{suggest(str(path[-1]), known)}', key=True)
    return source.problem(path, _say(fault), key=fault["loc"][-1:] == ("[key]",))


def locate(source: Source, base: Path, loc: tuple[str | int, ...]) -> tuple[Path, str]:
    """pydantic's location as a path that the file has, and the last part it has not (union labels, shorthands, a missing key)."""
    path, absent = base, ""
    for part in loc:
        if (*path, part) in source.values:
            path = (*path, part)
        else:
            absent = str(part)
    return path, absent


def _say(fault: ErrorDetails) -> str:
    kind, value = fault["type"], fault["input"]
    if kind == "value_error":
        return fault["msg"].removeprefix("Value error, ")
    shown = f'"{value}"' if isinstance(value, str | int | float) else "this"
    if kind in _SHAPES:
        return f"{'nothing' if value is None else shown} is not {_SHAPES[kind]}"
    if kind == "literal_error":
        known = str(fault.get("ctx", {}).get("expected", "")).replace("'", '"')
        return f"{shown} is not known here; write {known}"
    if kind == "string_pattern_mismatch":
        return f"{shown} is not a name; use small letters, digits, dots and dashes"
    return f"{shown}: {fault['msg'].replace('Input should', 'it should')}"


def field_names(kind: object, loc: tuple[str | int, ...]) -> frozenset[str]:
    """The keys that the model at `loc` below `kind` knows."""
    kinds = [kind]
    for part in loc:
        kinds = [child for one in kinds for flat in _flatten(one) for child in _children(flat, part)]
    models = [flat for one in kinds for flat in _flatten(one) if isinstance(flat, type) and issubclass(flat, BaseModel)]
    return frozenset(field.alias or name for model in models for name, field in model.model_fields.items())


def _flatten(kind: Any) -> list[Any]:
    if get_origin(kind) is Annotated:
        return _flatten(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return [flat for one in get_args(kind) for flat in _flatten(one)]
    return [] if kind is NoneType else [kind]


def _children(kind: Any, part: str | int) -> list[Any]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [field.annotation for name, field in kind.model_fields.items() if part in (name, field.alias)]
    origin, args = get_origin(kind), get_args(kind)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return [args[1]]
    return [args[0]] if isinstance(part, int) and args else []
