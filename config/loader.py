"""Reads a config directory, or a published version of one, into a Config; every mistake in it is reported at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from config.accounts import Accounts
from config.catalog import Config, digest, files_hash
from config.checks import check
from config.checks_companions import declarations
from config.companions import companions
from config.conditions import Condition
from config.digests import digest_of
from config.draft import Draft, Part
from config.faults import validate
from config.models import Campaign, Events, Rules
from config.parsing import ConditionError, parse_condition
from config.places import places
from config.problems import ConfigError, Problem, suggest
from config.source import MAX_BYTES, Source, normalise, read
from config.templates import Contents, read_template, tells

__all__ = ["Config", "load", "parse"]

_SINGLE = ("rules", "segments", "events", "channels")
_FOLDERS = ("schedules", "templates")


def load(directory: Path, contents: Contents) -> Config:
    """Read a directory. contents: channel name → the model of what templates say on it. Raises ConfigError."""
    problems: list[Problem] = []
    if not directory.is_dir():
        raise ConfigError([Problem(str(directory), 0, 0, "there is no such directory; KABAR_CONFIG_DIR names it")])
    try:
        found = {path: _text(directory, path, problems) for path in paths(directory)}
    except OSError as error:
        raise ConfigError([Problem(str(error.filename or directory), 0, 0, f"cannot be read: {error.strerror}")]) from None
    files = {path: text for path, text in found.items() if text is not None}
    return _parse(files, contents, directory.as_posix(), problems, unread=found.keys() - files.keys())


def parse(files: Mapping[str, str], contents: Contents, *, root: str = "config") -> Config:
    """The same from texts: path below the config directory → text. Raises ConfigError."""
    return _parse(files, contents, root, [])


def paths(directory: Path) -> Iterator[str]:
    """The files of a configuration, below its directory. Raises OSError when one goes while it is looked at."""
    found = [path for path in directory.iterdir() if path.is_file()]
    for folder in _FOLDERS:
        found += (directory / folder).rglob("*")
    for path in sorted(found):
        if path.suffix in {".yaml", ".yml"} and not path.name.startswith(".") and path.is_file():
            yield path.relative_to(directory).as_posix()


def _text(directory: Path, path: str, problems: list[Problem]) -> str | None:
    shown = f"{directory.as_posix()}/{path}"
    try:
        if not (directory / path).resolve().is_relative_to(directory.resolve()):
            problems.append(Problem(shown, 1, 1, "is a link to a file outside of this directory; put the file itself here"))
            return None
        with (directory / path).open("rb") as file:
            data = file.read(MAX_BYTES * 4 + 1)
        if len(data) > MAX_BYTES * 4:
            problems.append(Problem(shown, 1, 1, f"the file is larger than {MAX_BYTES} characters; split it"))
            return None
        return normalise(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line, col = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        problems.append(Problem(shown, line, col, "this is not UTF-8; save the file as UTF-8"))
    except OSError as error:
        problems.append(Problem(shown, 1, 1, f"cannot be read: {error.strerror}"))
    return None


def _parse(
    files: Mapping[str, str], contents: Contents, root: str, problems: list[Problem], unread: Collection[str] = frozenset()
) -> Config:
    """unread: files that are there and have a problem already; what they would define is not missed."""
    texts = {path: normalise(text) for path, text in sorted(files.items())}
    draft = Draft({name: tells(content) for name, content in contents.items()}, problems, declarable=frozenset(companions(contents)))
    for path in unread:
        _place(draft, path, None, f"{root}/{path}", contents)
    for path, text in texts.items():
        source = read(f"{root}/{path}", text, problems)
        _place(draft, path, source, f"{root}/{path}", contents)
    if draft.rules is None and "rules" not in draft.broken:
        problems.append(Problem(f"{root}/rules.yaml", 0, 0, "there is no rules.yaml; it says the windows and the categories"))
    check(draft)
    if problems or draft.rules is None:
        raise ConfigError(problems)
    return _finished(draft, draft.rules.value, texts)


def _place(draft: Draft, path: str, source: Source | None, shown: str, contents: Contents) -> None:
    """Put one file where it belongs in the draft."""
    folder, _, name = path.rpartition("/")
    kind = folder.split("/")[0] or name.rpartition(".")[0]
    singles = (*_SINGLE, *draft.declarable)
    if kind not in (*_FOLDERS, *singles) or (not folder and kind in _FOLDERS):
        known = [f"{single}.yaml" for single in singles]
        draft.problems.append(Problem(shown, 0, 0, f"this file has no meaning here{suggest(name, known)}"))
    elif not folder and kind in draft.read:
        draft.problems.append(Problem(shown, 0, 0, f"there is another {kind} file; keep one"))
    elif source is None:
        draft.broken.add(kind)
    else:
        draft.read.add(kind)
        _READ.get(kind, _companion)(draft, source, contents)


def _rules(draft: Draft, source: Source, contents: Contents) -> None:
    draft.declare("window", source, ("windows",))
    draft.declare("category", source, ("categories",))
    draft.rules = draft.part(source, validate(Rules, source, draft.problems), "rules")


def _segments(draft: Draft, source: Source, contents: Contents) -> None:
    draft.declare("segment", source, ("segments",))
    for key in source.data if isinstance(source.data, dict) else ():
        if key != "segments":
            draft.problems.append(source.problem((key,), f'unknown key "{key}"{suggest(key, ["segments"])}', key=True))
    written = source.get(("segments",))
    if not isinstance(written, dict):
        draft.problems.append(source.problem(("segments",), "segments: is a mapping of name: condition"))
        return
    for name, text in written.items():
        condition = _condition(draft, source, name, text)
        if condition is not None:
            draft.segments[name] = Part(source, condition)


def _condition(draft: Draft, source: Source, name: str, text: object) -> Condition | None:
    if not isinstance(text, str | bool):
        draft.problems.append(source.problem(("segments", name), "a segment is one condition, such as: portfolio_value >= 500000000"))
        return None
    try:
        return parse_condition(str(text))
    except ConditionError as error:
        draft.problems.append(source.problem(("segments", name), str(error), offset=error.offset))
        return None


def _events(draft: Draft, source: Source, contents: Contents) -> None:
    draft.declare("business event", source, ("business",))
    draft.declare("customer event", source, ("customer",))
    draft.events = draft.part(source, validate(Events, source, draft.problems), "events")


def _channels(draft: Draft, source: Source, contents: Contents) -> None:
    draft.accounts = draft.part(source, validate(Accounts, source, draft.problems), "channels")


def _companion(draft: Draft, source: Source, contents: Contents) -> None:
    kind = source.file.rpartition("/")[2].rpartition(".")[0]
    if part := draft.part(source, validate(companions(contents)[kind], source, draft.problems), kind):
        draft.companions[kind] = part


def _schedule(draft: Draft, source: Source, contents: Contents) -> None:
    if draft.new("campaign", source) and (campaign := validate(Campaign, source, draft.problems)):
        draft.campaigns[campaign.campaign] = Part(source, campaign)


def _template(draft: Draft, source: Source, contents: Contents) -> None:
    if draft.new("template", source) and (template := read_template(source, contents, draft.problems)):
        draft.templates[template.template] = Part(source, template)


_READ = {
    "rules": _rules,
    "segments": _segments,
    "events": _events,
    "channels": _channels,
    "schedules": _schedule,
    "templates": _template,
}


def _finished(draft: Draft, rules: Rules, texts: Mapping[str, str]) -> Config:
    return Config(
        rules=rules,
        segments={name: part.value for name, part in draft.segments.items()},
        events=draft.events.value if draft.events else Events(),
        campaigns={name: part.value for name, part in sorted(draft.campaigns.items())},
        templates={name: part.value for name, part in sorted(draft.templates.items())},
        accounts=draft.accounts.value if draft.accounts else Accounts(),
        files=texts,
        hash=files_hash(texts),
        companions={kind: part.value for kind, part in draft.companions.items()},
        contents={name: _content_hash(draft, part) for name, part in draft.campaigns.items()},
        places=places(draft),
        warnings=tuple(sorted(draft.warnings)),
    )


def _content_hash(draft: Draft, part: Part[Campaign]) -> str:
    # Over what was written, not over the models: a new version of Kabar must not void every approval.
    campaign, template = part.value, draft.templates[part.value.template]
    spoken = [template, *([merged] if (merged := digest_of(draft, campaign)) else [])]
    segments = {variant.segment for each in spoken for variant in each.value.variants if variant.segment}
    conditions = {name: str(draft.segments[name].value) for name in sorted({*campaign.audience.names, *segments})}
    declared = [written for each in spoken for written in declarations(draft, each)]
    return digest([part.source.data, *(each.source.data for each in spoken), conditions, *declared])
