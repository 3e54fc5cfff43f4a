"""Texts with values in them: Jinja2 in its sandbox, cut down to showing values and choosing between texts."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, Undefined, nodes
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.exceptions import TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from config.filters import FILTERS
from config.problems import suggest

MAX_SOURCE = 50_000
MAX_RENDERED = 100_000
MAX_NODES = 2_000
MAX_DEPTH = 30
MAX_VALUE = 50_000  # characters of one value before it is escaped, which makes at most five of one
MAX_DIGITS = 15
NAMES = frozenset({"name", "first_name", "customer_no", "locale", "campaign", "attributes", "event", "digest"})
GROUPS = frozenset({"attributes", "event", "digest"})  # these have keys, the others are single values
DIGEST_KEYS = frozenset({"count", "titles", "lines"})
ALLOWED = "a template shows values and has if, elif, else, comparisons, and, or, not and filters, nothing else"
_LONG_NUMBER = f"a number of more than {MAX_DIGITS} digits; write it in quotes"

_ALLOWED_NODES = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Filter,
    nodes.Test,
)
_CALLED = {"Call": "a call", "For": "a loop", "Assign": "set", "Macro": "a macro", "Include": "include", "Import": "import"}


class TemplateError(ValueError):
    """What is wrong with a text; `offset` counts characters from its beginning."""

    def __init__(self, message: str, offset: int = 0) -> None:
        self.offset = offset
        super().__init__(message)


class RenderError(ValueError):
    """A text could not be filled for one person: a value is missing or of the wrong kind. Never holds the value."""


class _Environment(ImmutableSandboxedEnvironment):
    """Looks values up in mappings only: no attribute of any Python object is ever reached."""

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Mapping) and argument in obj:
            return obj[argument]
        return self.undefined(obj=obj, name=argument)

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)


def _bounded(value: object) -> object:
    """What is about to be shown, before it is escaped."""
    if isinstance(value, str) and len(value) > MAX_VALUE:
        raise RenderError(f"a value is longer than {MAX_VALUE} characters")
    return value


def _environment(*, autoescape: bool) -> _Environment:
    environment = _Environment(
        undefined=StrictUndefined, autoescape=autoescape, keep_trailing_newline=True, trim_blocks=True, finalize=_bounded
    )
    environment.globals.clear()
    environment.filters.clear()
    environment.filters.update(FILTERS)
    environment.tests = {"defined": lambda value: not isinstance(value, Undefined)}
    return environment


_PLAIN, _HTML = _environment(autoescape=False), _environment(autoescape=True)


@dataclass(frozen=True, slots=True)
class Uses:
    """Dotted names and the offset of their first use. `bare`: those shown somewhere without a default."""

    names: Mapping[str, int]
    bare: frozenset[str]


@dataclass(frozen=True, slots=True)
class CompiledText:
    """A checked text. `names`: the dotted names it uses, such as `first_name` and `event.title`."""

    template: Template
    names: frozenset[str]

    def render(self, values: Mapping[str, object]) -> str:
        """Fill in one person's values (see NAMES). Raises RenderError."""
        parts: list[str] = []
        size = 0
        try:
            for part in self.template.generate(values):
                parts.append(part)
                size += len(part)
                if size > MAX_RENDERED:
                    break
        except JinjaError as error:
            raise RenderError(error.message or "the text cannot be filled") from None
        except RenderError:
            raise
        except (TypeError, ValueError, ArithmeticError) as error:
            # The value itself is somebody's data and stays out of the message.
            raise RenderError(f"a value of the wrong kind ({type(error).__name__}) among {', '.join(sorted(self.names))}") from None
        if size > MAX_RENDERED:
            raise RenderError(f"the text is longer than {MAX_RENDERED} characters")
        return "".join(parts)


@lru_cache(maxsize=4096)
def compile_text(source: str, *, autoescape: bool = False) -> CompiledText:
    """A text with values in it; `autoescape` for HTML. Raises TemplateError."""
    names = variables(source)
    return CompiledText((_HTML if autoescape else _PLAIN).from_string(source), names)


def variables(source: str) -> frozenset[str]:
    """The dotted names a text uses. Raises TemplateError."""
    return frozenset(uses(source).names)


@lru_cache(maxsize=4096)
def uses(source: str) -> Uses:
    """The names a text uses and where. Raises TemplateError for anything a template may not have."""
    if len(source) > MAX_SOURCE:
        raise TemplateError(f"the text is longer than {MAX_SOURCE} characters")
    try:
        tree = _PLAIN.parse(source)
    except TemplateSyntaxError as error:
        raise TemplateError(f"unreadable template: {error.message}", _offset(source, error.lineno, "{")) from None
    except RecursionError:
        raise TemplateError("the template is nested too deeply") from None
    except ValueError:  # Python reads no number of more than 4,300 digits
        raise TemplateError(_LONG_NUMBER) from None
    return _Reader(source).read(tree)


def _offset(source: str, line: int, word: str) -> int:
    """Jinja tells lines only; the word is looked for on that line and after."""
    starts = _line_starts(source)
    begin = starts[min(line, len(starts)) - 1]
    return max(source.find(word, begin), begin)


@lru_cache(maxsize=1)
def _line_starts(source: str) -> Sequence[int]:
    """Where each line begins; asked for each name of one text after the other."""
    return [0, *(at + 1 for at, char in enumerate(source) if char == "\n")]


class _Reader:
    """Walks a parsed template and collects names; raises at the first node that is not allowed."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.found: dict[str, int] = {}
        self.bare: set[str] = set()
        self.count = 0

    def read(self, tree: nodes.Template) -> Uses:
        self._visit(tree, 0)
        return Uses(self.found, frozenset(self.bare))

    def _visit(self, node: nodes.Node, depth: int) -> None:
        self.count += 1
        if self.count > MAX_NODES or depth > MAX_DEPTH:
            raise TemplateError(f"the template has more than {MAX_NODES} parts, or more than {MAX_DEPTH} inside each other")
        if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem):
            return self._name(node, bare=True)
        if not isinstance(node, _ALLOWED_NODES):
            what = _CALLED.get(type(node).__name__, type(node).__name__.lower())
            raise TemplateError(f"{what} is not allowed in a template; {ALLOWED}", self._at(node))
        if isinstance(node, nodes.Const) and isinstance(node.value, int | float) and not abs(node.value) < 10**MAX_DIGITS:
            raise TemplateError(_LONG_NUMBER, self._at(node))
        if isinstance(node, nodes.Filter):
            self._filter(node)
        if isinstance(node, nodes.Test):
            self._known("test", node.name, {"defined": None}, node.lineno)
        guarded = node.node if isinstance(node, nodes.Filter | nodes.Test) and node.name in {"default", "defined"} else None
        guarded = guarded if isinstance(guarded, nodes.Getattr | nodes.Getitem) else None
        for child in node.iter_child_nodes():
            if child is guarded:
                self._name(child, bare=False)
            else:
                self._visit(child, depth + 1)
        return None

    def _at(self, node: nodes.Node) -> int:
        name = node if isinstance(node, nodes.Name) else node.find(nodes.Name)
        return _offset(self.source, node.lineno or 1, name.name if name else "{")

    def _filter(self, node: nodes.Filter) -> None:
        self._known("filter", node.name, FILTERS, node.lineno)
        try:
            inspect.signature(FILTERS[node.name]).bind(None, *node.args, **{str(pair.key): pair.value for pair in node.kwargs})
        except TypeError as error:
            raise TemplateError(f'filter "{node.name}": {error}', _offset(self.source, node.lineno, node.name)) from None
        if node.dyn_args or node.dyn_kwargs:
            raise TemplateError(f"* is not allowed in a template; {ALLOWED}", self._at(node))

    def _known(self, what: str, name: str, known: Mapping[str, object], line: int) -> None:
        if name not in known:
            raise TemplateError(f'unknown {what} "{name}"{suggest(name, known)}', _offset(self.source, line, name))

    def _name(self, node: nodes.Name | nodes.Getattr | nodes.Getitem, *, bare: bool) -> None:
        parts = self._parts(node)
        dotted, at = ".".join(parts), _offset(self.source, node.lineno, parts[-1])
        at = self.source.rfind(parts[0], 0, at + 1) if parts[0] in self.source[: at + 1] else at
        if parts[0] not in NAMES:
            known = [*(NAMES - GROUPS), *(f"{group}.<key>" for group in GROUPS)]
            raise TemplateError(f'unknown name "{parts[0]}"{suggest(parts[0], known)}', at)
        if len(parts) != (2 if parts[0] in GROUPS else 1):
            shape = f"write {parts[0]}.<key>" if parts[0] in GROUPS else f"write {parts[0]} alone"
            raise TemplateError(f'"{dotted}" is not a value; {shape}', at)
        if bare and parts[0] == "attributes":
            raise TemplateError(f'not every customer has this attribute; write {dotted} | default("…")', at)
        self.found.setdefault(dotted, at)
        if bare:
            self.bare.add(dotted)

    def _parts(self, node: nodes.Node) -> list[str]:
        if isinstance(node, nodes.Name):
            return [node.name]
        if isinstance(node, nodes.Getattr):
            return [*self._parts(node.node), node.attr]
        if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            return [*self._parts(node.node), node.arg.value]
        raise TemplateError(f"only names and their keys can be looked up; {ALLOWED}", self._at(node))
