"""What templates say, held against what the provider has approved."""

from __future__ import annotations

from collections.abc import Iterator

from config.companions import Declared
from config.draft import Draft, Part
from config.source import Path
from config.templates import Template


def check_companions(draft: Draft) -> None:
    """Add to the draft's problems and warnings; a channel without its file is one warning, at the first template that speaks on it."""
    missed: set[str] = set()
    for template in draft.templates.values():
        for path, kind, said in _spoken(template):
            if kind in draft.companions:
                _compare(draft, template, path, said)
            elif kind not in draft.broken | missed:
                missed.add(kind)
                message = f"there is no {kind}.yaml, so nobody knows whether the provider takes this; declare its templates there"
                draft.warnings.append(template.source.problem(path, message, key=True).as_warning())


def declarations(draft: Draft, template: Part[Template]) -> list[object]:
    """As written: what an approval stands on, beside the template itself."""
    found: list[object] = []
    for _, kind, said in _spoken(template):
        part = draft.companions.get(kind)
        place = said.place(part.value) if part else None
        if part is not None and place is not None:
            found.append(part.source.get(("templates", place)) or part.source.get(("data", place)))
    return found


def _compare(draft: Draft, template: Part[Template], path: Path, said: Declared) -> None:
    for fault in said.faults(draft.companions[_kind(path)].value):
        problem = template.source.problem((*path, *fault.path), fault.message, offset=fault.offset)
        if fault.warning:
            draft.warnings.append(problem.as_warning())
        else:
            draft.problems.append(problem)


def _spoken(template: Part[Template]) -> Iterator[tuple[Path, str, Declared]]:
    """(path, name of the companion file, what is said) of every variant on a channel that has one."""
    for index, variant in enumerate(template.value.variants):
        for channel, content in variant.channels.items():
            if isinstance(content, Declared):
                path = ("variants", index, channel)
                yield path, _kind(path), content


def _kind(path: Path) -> str:
    return f"{path[2]}-templates"
