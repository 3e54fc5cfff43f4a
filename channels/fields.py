"""Kinds of strings in content. Each may be a Jinja template; after rendering, the content is validated once more."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo

URL_LIMIT = 2000
_TEMPLATE = re.compile(r"\{\{|\{%")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_PAGE = re.compile(r"https://[^/?#@]+(?:[/?#]|$)")
_UNSAFE = re.compile(r"""[\s<>"\\^`\x00-\x1f\x7f]""")
# Schemes that run code or read files in the reader's app instead of opening a page.
_REFUSED = frozenset({"http", "javascript", "data", "file", "vbscript", "blob", "about", "content", "intent"})


def is_template(text: str, info: ValidationInfo) -> bool:
    """Does the text still wait for rendering? Never with `context={"rendered": True}`, so that a person's data cannot pass as one."""
    return not (info.context or {}).get("rendered") and _TEMPLATE.search(text) is not None


def _https(value: str, info: ValidationInfo) -> str:
    if is_template(value, info):
        return value
    if not _is_url(value) or urlsplit(value).scheme != "https" or not urlsplit(value).hostname:
        raise ValueError(f'"{value}" is not a link; write https://…')
    return value


def _link(value: str, info: ValidationInfo) -> str:
    scheme, _, rest = value.partition(":")
    if scheme == "https" or is_template(value, info):
        return _https(value, info)
    if not rest.strip("/") or not _is_url(value) or not _SCHEME.fullmatch(scheme) or scheme in _REFUSED:
        raise ValueError(f'"{value}" is not a link; write https://… or a link into the app such as app://…')
    return value


def is_https(value: str) -> bool:
    """Is it, filled in, a link that opens a page and nothing else?"""
    return len(value) <= URL_LIMIT and _PAGE.match(value) is not None and not _UNSAFE.search(value)


def _is_url(value: str) -> bool:
    try:
        urlsplit(value)
    except ValueError:
        return False
    return len(value) <= URL_LIMIT and not _UNSAFE.search(value)


Text = Annotated[str, Field(min_length=1)]
Https = Annotated[str, AfterValidator(_https)]
Link = Annotated[str, AfterValidator(_link)]
