"""Takes people and secrets out of what is logged: by the key a value stands under, and by what it looks like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from config.printable import printable

MASK = "***"
MAX_DEPTH = 6

_KEY = re.compile(
    r"(^|[_\-.])(phone|msisdn|e?mail|address|token|secret|password|passwd|authorization|api_key|signing_key|private_key|credential|recipient)"
    r"(e?s)?$|^((first|last|full|customer|display)_)?name$|^cookie$",
    re.IGNORECASE,
)
_DIGEST = re.compile(r"[0-9a-f]{64}")  # under the key `hash`: some begin like a phone number
_COUNT = re.compile(r"(es|s)$", re.IGNORECASE)

# The whole match is masked, or what follows the group "keep". Lengths are bounded, so that no text takes quadratic time.
_SHAPES = tuple(
    re.compile(pattern, flags)
    for pattern, flags in (
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        # Drivers and pydantic quote rows and inputs, and these hold names that no pattern can recognise.
        (r"(?P<keep>\[parameters: ).*?(?=\]?\n|\]?\Z)", re.DOTALL),
        (r"(?P<keep>\b(DETAIL|CONTEXT):\s).*", 0),
        (r"(?P<keep>\binput_value=).*?(?=, input_type=|\n|\Z)", 0),
        (r"(?P<keep>://)[^/\s@]{1,500}(?=@)", 0),
        (r"(?P<keep>\b(bearer|basic)[ =:]+)[\w.~+/=-]{8,}", re.IGNORECASE),
        (
            r"(?P<keep>(token|secret|password|api[_-]?key|signature|authorization)[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;)}]+",
            re.IGNORECASE,
        ),
        (r"\beyJ[\w-]{8,1000}\.[\w-]+(\.[\w-]*)?", 0),
        (r"\bya29\.[\w.-]+", 0),
        (r"\bEAA[A-Za-z0-9]{20,}", 0),
        (r"[\w-]{8,64}:APA91[\w-]{16,}", 0),
        (r"(?<![\w:/+-])(?=[\w:+/-]*[G-Zg-z])[\w:+/-]{100,}={0,2}", 0),
        (r"[\w.+'-]{1,64}(@|%40)[\w-]{1,63}(\.[\w-]{1,63})+", 0),
        (r"(?<![\w.])(\+|00)[1-9][\d \u00a0().-]{6,18}\d", 0),
        (r"(?<![\w.])(62|0)[ -]?8[\d \u00a0().-]{6,15}\d", 0),
    )
)


_HARMLESS = re.compile(r"[a-z_.-]{0,40}")  # most of what is logged: names of events, campaigns, channels


def scrub(text: str) -> str:
    """The text with everything masked that looks like an address, a phone number or a secret."""
    if _HARMLESS.fullmatch(text):
        return text
    text = printable(text)
    for shape in _SHAPES:
        text = shape.sub(_mask, text)
    return text


def _mask(match: re.Match[str]) -> str:
    return (match.groupdict().get("keep") or "") + MASK


def redact(value: Any, key: str = "", depth: int = 0) -> Any:
    """Plain data of the same shape that can be logged; anything that is not plain becomes its scrubbed text."""
    if value is None or isinstance(value, bool):
        return value
    if key and _KEY.search(key) and not (isinstance(value, int | float) and _COUNT.search(key)):
        return MASK
    if isinstance(value, int | float) or (key == "hash" and _DIGEST.fullmatch(str(value))):
        return value
    if isinstance(value, Mapping) and depth < MAX_DEPTH:
        return {scrub(str(name)): redact(item, str(name), depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth < MAX_DEPTH:
        return [redact(item, "", depth + 1) for item in value]
    return scrub(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))
