"""How an Indonesian text addresses its reader: Anda, or kamu and its kin. Word by word, on what is not an expression."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from config.models import Tone

# Lengths are bounded, so that no text takes quadratic time.
_EXPRESSION = re.compile(r"\{\{.{0,2000}?\}\}|\{%.{0,2000}?%\}|\{#.{0,2000}?#\}", re.DOTALL)
_LINK = re.compile(r"\b[a-z][a-z0-9+.-]{0,30}://[^\s)>\"']*|[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]+")
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_ENDS = ".!?:\n"  # a sentence

_ANDA = re.compile(r"anda(?:lah|kah|pun)?")
_KAMU = re.compile(r"(?:kamu|kau|engkau)(?:lah|kah|pun)?")
_STREET = frozenset({"lo", "loe", "lu", "elo", "elu"})
_MINE = re.compile(r"\w{2,}-?mu(?:lah|kah|pun)?")
# Words that end in -mu and address nobody, alone and with the prefixes they take (bertemu, menjamu).
_NOT_MINE = re.compile(r"(?:ber|ter|me|men|meng|pe|pen|peng|se|di|ke|per)?(?:temu|nemu|tamu|ilmu|jamu|semu|jemu|ramu)")
# What a headline in capitals leaves small.
_SMALL = frozenset({"agar", "atau", "bagi", "dan", "dari", "dengan", "di", "ke", "oleh", "pada", "untuk", "yang"})


@dataclass(frozen=True, slots=True)
class Address:
    """A word that addresses the reader, and where it begins in the text."""

    word: str
    tone: Tone
    offset: int


def addresses(text: str) -> Iterator[Address]:
    """Every word of a template's text that says Anda or kamu; links and expressions say nothing."""
    shown = _LINK.sub(_blank, _EXPRESSION.sub(_blank, text))
    words = list(_WORD.finditer(shown))
    headline = all(word[0][0].isupper() or word[0] in _SMALL for word in words)
    for found in words:
        word = found[0]
        named = word[0].isupper() and not word.isupper() and not headline and not _begins(shown, found.start())
        if tone := _tone(word, named=named):
            yield Address(word, tone, found.start())


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _begins(text: str, at: int) -> bool:
    """Whether a sentence does: read backwards, and only to the word before, or a long text would be read once for each of its words."""
    for place in range(at - 1, -1, -1):
        if text[place] in _ENDS:
            return True
        if text[place].isalnum() or text[place] == "_":
            return False
    return not text[:at].strip()


def _tone(word: str, *, named: bool) -> Tone | None:
    """named: a capital in the middle of a sentence, as names have it. Anda always has one."""
    low = word.lower()
    if _ANDA.fullmatch(low):
        return "anda"
    if _KAMU.fullmatch(low):
        return "kamu"
    if named or word.endswith("-Mu") or (word.isupper() and low in _STREET):  # Jennifer Lo; God; an abbreviation
        return None
    if low in _STREET or (_MINE.fullmatch(low) and not _NOT_MINE.fullmatch(low)):
        return "kamu"
    return None
