"""E-mail addresses as SMTP and headers take them: ASCII, and nothing that could end a line or a bracket."""

from __future__ import annotations

import re

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")
_DOMAIN = re.compile(r"[A-Za-z0-9.-]{1,253}")


def envelope_address(value: str) -> str | None:
    """The address with its domain in IDNA, or None when SMTP without SMTPUTF8 cannot carry it (RFC 5321 4.1.2, quoted forms left out)."""
    local, at, domain = value.rpartition("@")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode()
        except UnicodeError:
            return None
    return f"{local}@{domain}" if at and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain) else None
