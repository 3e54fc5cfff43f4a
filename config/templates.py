"""templates/*.yaml: what a campaign says, in variants by segment and language, most specific first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, Field, SerializeAsAny

from config.faults import validate
from config.problems import Problem, suggest
from config.source import Path, Source
from config.strict import Slug, Strict
from config.templating import TemplateError, uses

_TARGET = ("segment", "locale", "tone")
Contents = Mapping[str, type[BaseModel]]  # channel name → the model of what is said on it


def tells(content: type[BaseModel]) -> frozenset[str]:
    """Which of delivered, read and clicked are ever told of what is said on a channel; its model names them."""
    return frozenset(getattr(content, "tells", ()))


class Variant(Strict):
    """For whom it is (None = anybody), and what it says on each channel it has. tone: free = says Anda or kamu as it likes."""

    segment: str | None = None
    locale: str | None = None
    tone: Literal["free"] | None = None
    channels: Mapping[str, SerializeAsAny[BaseModel]]

    def covers(self, other: Variant) -> bool:
        """Does everybody whom `other` fits also fit this one?"""
        return self.segment in (None, other.segment) and self.locale in (None, other.locale)


class Template(Strict):
    """The first variant that fits a person and has the channel is the one that speaks."""

    template: str
    variants: tuple[Variant, ...]


class _Head(Strict):
    template: Slug


class _Target(Strict):
    segment: str | None = None
    tone: Literal["free"] | None = None
    locale: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$")] | None = None


def read_template(source: Source, contents: Contents, problems: list[Problem]) -> Template | None:
    """The template in a file; None when something in it is wrong, which goes to `problems`."""
    before = len(problems)
    data = source.data if isinstance(source.data, dict) else {}
    if not data:
        problems.append(source.problem((), "a template has the keys template and variants"))
        return None
    for key in data.keys() - {"template", "variants"}:
        problems.append(source.problem((key,), f'unknown key "{key}"{suggest(key, ["template", "variants"])}', key=True))
    head = validate(_Head, source, problems, only=("template",))
    variants = list(_variants(source, contents, problems))
    if len(problems) > before or head is None:
        return None
    problems.extend(_unreachable(source, variants))
    return Template(template=head.template, variants=tuple(variants)) if len(problems) == before else None


def _variants(source: Source, contents: Contents, problems: list[Problem]) -> Iterator[Variant]:
    items = source.get(("variants",))
    if not isinstance(items, list) or not items:
        problems.append(source.problem(("variants",), "variants: is a list of at least one variant", key=True))
        return
    for index in range(len(items)):
        if variant := _variant(source, ("variants", index), contents, problems):
            yield variant


def _variant(source: Source, path: Path, contents: Contents, problems: list[Problem]) -> Variant | None:
    before, data = len(problems), source.get(path)
    if not isinstance(data, dict):
        problems.append(source.problem(path, f"a variant is a mapping of {', '.join(contents)} and, if wanted, segment, locale and tone"))
        return None
    target = validate(_Target, source, problems, path, only=_TARGET)
    spoken: dict[str, BaseModel] = {}
    for name in data.keys() - set(_TARGET):
        if name not in contents:
            known = [*contents, *_TARGET]
            problems.append(source.problem((*path, name), f'unknown channel "{name}"{suggest(name, known)}', key=True))
        elif content := validate(contents[name], source, problems, (*path, name)):
            spoken[name] = content
        problems.extend(_texts(source, (*path, name)))
    if not data.keys() - set(_TARGET):
        problems.append(source.problem(path, f"this variant says nothing; give it {' or '.join(contents)}"))
    if target is None or len(problems) > before:
        return None
    ordered = {name: spoken[name] for name in contents if name in spoken}
    return Variant(segment=target.segment, locale=target.locale, tone=target.tone, channels=ordered)


def _texts(source: Source, path: Path) -> Iterator[Problem]:
    for place, text in strings(source, path):
        try:
            uses(text)
        except TemplateError as error:
            yield source.problem(place, str(error), offset=error.offset)


def strings(source: Source, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text at or below a path, with its own path."""
    value = source.get(path)
    if isinstance(value, str):
        yield path, value
    children = value.keys() if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for child in children:
        yield from strings(source, (*path, child))


def _unreachable(source: Source, variants: list[Variant]) -> Iterator[Problem]:
    for index, variant in enumerate(variants):
        for channel in variant.channels:
            earlier = next((n for n in range(index) if channel in variants[n].channels and variants[n].covers(variant)), None)
            if earlier is not None:
                line = source.mark(("variants", earlier)).line
                message = f"nobody gets this {channel}: the variant on line {line} fits first; put the more specific one above it"
                yield source.problem(("variants", index, channel), message, key=True)
