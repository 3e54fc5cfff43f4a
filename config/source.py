"""One YAML file as plain data, with the place of every key and value kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ruamel.yaml import YAML, MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from config.problems import Problem

MAX_BYTES = 1_000_000
MAX_VALUES = 50_000  # after aliases are followed, so that a few lines cannot stand for billions of values
MAX_DEPTH = 20
MAX_DIGITS = 30  # of a whole number; longer ones are nothing anybody means, and Python refuses to print them
MAX_PROBLEMS = 100  # of one file

# What quotes can spell and no reader shows: controls, halves of characters, and what turns the order of a line around.
_NO_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a value stands: line and column from 1, and its extent in the text."""

    line: int
    col: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Source:
    """A read file. `keys` and `values` are indexed by the path of mapping keys and sequence indexes."""

    file: str
    text: str
    data: object
    keys: Mapping[Path, Mark]
    values: Mapping[Path, Mark]

    def problem(self, path: Path, message: str, *, key: bool = False, offset: int = 0) -> Problem:
        """A problem at the value of `path` (or its key), `offset` characters into a text value.

        A path that does not exist stands for the nearest one above it that does.
        """
        mark = self.mark(path, key=key)
        line, col = self._inside(mark, path, offset) if offset else (mark.line, mark.col)
        return Problem(self.file, line, col, message)

    def mark(self, path: Path, *, key: bool = False) -> Mark:
        while path and path not in self.values:
            path = path[:-1]
        return self.keys[path] if key and path in self.keys else self.values[path]

    def get(self, path: Path) -> object:
        """The plain value at a path; None where there is none."""
        value = self.data
        for part in path:
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value

    def _inside(self, mark: Mark, path: Path, offset: int) -> tuple[int, int]:
        # Quotes, folding and indentation differ between the written and the read text; its visible characters do not.
        value = str(self.get(path) or "")
        at = self.text.find("\n", mark.start) if self.text[mark.start] in "|>" else mark.start
        for char in value[: offset + 1]:
            if not char.isspace():
                at = self.text.find(char, at, mark.end) + 1
                if not at:
                    return mark.line, mark.col
        return _place(self.text, at - 1)


def normalise(text: str) -> str:
    """The text as it is read and hashed: no byte-order mark, one kind of line end."""
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def read(file: str, text: str, problems: list[Problem]) -> Source | None:
    """Read YAML 1.2; what is wrong goes to `problems`. None when nothing of the file can be used."""
    text = normalise(text)
    if len(text) > MAX_BYTES:
        problems.append(Problem(file, 1, 1, f"the file is larger than {MAX_BYTES} characters; split it"))
        return None
    if text.startswith("%"):
        problems.append(Problem(file, 1, 1, "a YAML directive; leave it out, files are read as YAML 1.2"))
        return None
    try:
        root = _compose(text)
        if root is None:
            return Source(file, text, {}, {}, {(): Mark(1, 1, 0, 0)})
        builder = _Builder(file, problems)
        data = builder.build(root, (), 0)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, col = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problems.append(Problem(file, line, col, f"unreadable YAML: {_explain(error)}"))
    except ReaderError as error:
        line, col = _place(text, error.position)
        problems.append(Problem(file, line, col, f"unreadable YAML: the character U+{ord(text[error.position]):04X} is not allowed"))
    except YAMLError as error:
        problems.append(Problem(file, 1, 1, f"unreadable YAML: {str(error).splitlines()[0]}"))
    except (ValueError, OverflowError):  # "\\U00FFFFFF" in quotes is no character
        problems.append(Problem(file, 1, 1, "unreadable YAML: an escape that stands for no character"))
    except RecursionError:
        problems.append(Problem(file, 1, 1, "unreadable YAML: nested too deeply"))
    except _Stop as stop:
        problems.append(stop.problem)
    else:
        return Source(file, text, data, builder.keys, builder.values)
    return None


def _place(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _compose(text: str) -> Node | None:
    yaml = YAML(typ="safe", pure=True)
    node: Node | None = yaml.compose(text)
    return node


def _explain(error: MarkedYAMLError) -> str:
    problem = (error.problem or error.context or "it cannot be parsed").strip()
    if "'\\t'" in problem:
        return "a tab; indent with spaces"
    if "expected a single document" in str(error.context):
        return "several documents in one file; write one file each"
    return f"{problem} ({error.context.strip()})" if error.context and error.problem else problem


class _Stop(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


@dataclass
class _Builder:
    """Turns nodes into plain data, noting where each stood."""

    file: str
    problems: list[Problem]
    keys: dict[Path, Mark] = field(default_factory=dict)
    values: dict[Path, Mark] = field(default_factory=dict)
    before: int = field(init=False)

    def __post_init__(self) -> None:
        self.before = len(self.problems)

    def build(self, node: Node, path: Path, depth: int) -> object:
        if depth > MAX_DEPTH:
            raise _Stop(self._problem(node, f"nested deeper than {MAX_DEPTH} levels, or an alias that contains itself"))
        if len(self.values) >= MAX_VALUES:
            raise _Stop(self._problem(node, f"more than {MAX_VALUES} values once aliases are followed"))
        self.values[path] = _mark(node)
        if not isinstance(node, ScalarNode) and _kind(node) not in {"map", "seq"}:
            self._tagged(node)
        if isinstance(node, MappingNode):
            return self._mapping(node, path, depth)
        if isinstance(node, SequenceNode):
            return [self.build(item, (*path, index), depth + 1) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: MappingNode, path: Path, depth: int) -> dict[str, object]:
        found: dict[str, object] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode) or _kind(key_node) != "str":
                self._report(key_node, "a key must be text; put it in quotes")
                continue
            key = str(key_node.value)
            if key in found:
                first = self.keys[(*path, key)]
                self._report(key_node, f'"{key}" is written twice; the first stands on line {first.line}')
                continue
            self.keys[(*path, key)] = _mark(key_node)
            found[key] = self.build(value_node, (*path, key), depth + 1)
        return found

    def _scalar(self, node: Node) -> object:
        kind, text = _kind(node), _paired(str(node.value))
        try:
            if kind == "int" and len(text) <= MAX_DIGITS:
                return int(text.replace("_", ""), 0 if text.lstrip("+-")[:2].lower() in {"0x", "0o", "0b"} else 10)
            if kind == "float":
                return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError:
            self._report(node, f"{text[:40]!r} is not a number")
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "null":
            return None
        if kind == "int":
            self._report(node, f"{text[:40]!r} is not a number")
        elif kind not in {"str", "timestamp"}:
            self._tagged(node)
        elif found := _NO_TEXT.search(text):
            self._report(node, f"the character U+{ord(found[0]):04X} is no text; leave it out")
        return text

    def _tagged(self, node: Node) -> None:
        self._report(node, f'the tag "{_kind(node)}" is not used here; write the plain value')

    def _report(self, node: Node, message: str) -> None:
        if len(self.problems) - self.before >= MAX_PROBLEMS:
            raise _Stop(self._problem(node, f"{MAX_PROBLEMS} mistakes stand before this one; correct them first"))
        self.problems.append(self._problem(node, message))

    def _problem(self, node: Node, message: str) -> Problem:
        mark = _mark(node)
        return Problem(self.file, mark.line, mark.col, message)


def _paired(text: str) -> str:
    """JSON is YAML, and writes a character beyond U+FFFF as two halves: they are one again. A half that stands alone stays one."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _kind(node: Node) -> str:
    return str(node.tag).removeprefix("tag:yaml.org,2002:")


def _mark(node: Node) -> Mark:
    start, end = node.start_mark, node.end_mark
    return Mark(start.line + 1, start.column + 1, start.index, end.index)
