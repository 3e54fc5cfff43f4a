"""Google's side of service accounts: a throw-away key, its credentials file, and tokens for assertions signed with it."""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from channels.sandbox.private import keep_private

PROJECT = "kabar-sandbox"
CLIENT = f"sandbox@{PROJECT}.iam.gserviceaccount.com"
GOOGLE_AUDIENCE = "https://oauth2.googleapis.com/token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPES = frozenset({"https://www.googleapis.com/auth/firebase.messaging", "https://www.googleapis.com/auth/cloud-platform"})
LIFETIME = timedelta(seconds=3599)


class GrantError(Exception):
    """The token endpoint's refusal, with OAuth's own code."""

    def __init__(self, code: str, description: str) -> None:
        self.code = code
        super().__init__(description)


class Tokens:
    """Hands out access tokens and knows them again. A token of an earlier sandbox is unknown, as an expired one would be."""

    def __init__(self, now: Callable[[], datetime], credentials_file: Path) -> None:
        self._now = now
        self._file = credentials_file
        self._ends: dict[str, datetime] = {}
        self._key: RSAPrivateKey | None = None
        self._audiences = frozenset({GOOGLE_AUDIENCE})

    def write_credentials(self, token_uri: str) -> None:
        """The service-account file, for its owner only. A sandbox started again keeps the key it finds there."""
        self._key = _key_in(self._file) or _new_key()
        self._audiences = frozenset({GOOGLE_AUDIENCE, token_uri})
        keep_private(self._file).write_text(json.dumps(_account(self._key, token_uri), indent=2), encoding="utf-8")

    def grant(self, grant_type: str, assertion: str) -> dict[str, object]:
        """The answer to a JWT bearer grant (RFC 7523). Raises GrantError."""
        if grant_type != JWT_BEARER:
            raise GrantError("unsupported_grant_type", f"Invalid grant_type: {grant_type}")
        self._check(self._claims(assertion))
        token = f"sandbox.{secrets.token_urlsafe(24)}"
        now = self._now()
        self._ends = {known: end for known, end in self._ends.items() if end > now} | {token: now + LIFETIME}
        return {"access_token": token, "expires_in": int(LIFETIME.total_seconds()), "token_type": "Bearer"}

    def holds(self, authorization: str) -> bool:
        """Whether an Authorization header carries a token that is good now."""
        end = self._ends.get(authorization.removeprefix("Bearer "))
        return end is not None and end > self._now()

    def revoke(self) -> None:
        """Make every token handed out so far worthless."""
        self._ends.clear()

    def _claims(self, assertion: str) -> dict[str, object]:
        signed, _, signature = assertion.rpartition(".")
        head, _, body = signed.partition(".")
        try:
            header, claims, raw = json.loads(_decode(head)), json.loads(_decode(body)), _decode(signature)
        except ValueError:
            raise GrantError("invalid_grant", "Invalid JWT: it is not three base64url parts.") from None
        if not isinstance(claims, dict) or not isinstance(header, dict) or header.get("alg") != "RS256":
            raise GrantError("invalid_grant", "Invalid JWT: RS256 is required.")
        self._verify(raw, signed.encode())
        return claims

    def _verify(self, signature: bytes, signed: bytes) -> None:
        if self._key is None:
            raise GrantError("invalid_grant", "The sandbox has not started.")
        try:
            self._key.public_key().verify(signature, signed, PKCS1v15(), SHA256())
        except InvalidSignature:
            raise GrantError("invalid_grant", "Invalid JWT Signature.") from None

    def _check(self, claims: dict[str, object]) -> None:
        if claims.get("iss") != CLIENT:
            raise GrantError("invalid_grant", "Invalid grant: account not found")
        if claims.get("aud") not in self._audiences:
            raise GrantError("invalid_grant", f"Invalid JWT: aud {claims.get('aud')!r} is not this endpoint.")
        if not SCOPES.intersection(str(claims.get("scope", "")).split()):
            raise GrantError("invalid_scope", "Invalid OAuth scope or ID token audience provided.")


def _decode(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


@cache
def _new_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def _key_in(path: Path) -> RSAPrivateKey | None:
    """The key of an earlier sandbox. Raises FileExistsError rather than overwrite credentials that are not ours."""
    if not path.exists() or not path.stat().st_size:
        return None
    try:
        account = json.loads(path.read_bytes())
        key = load_pem_private_key(account["private_key"].encode(), None) if account["project_id"] == PROJECT else None
    except (ValueError, KeyError, TypeError, AttributeError):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise FileExistsError(f"{path} is not a sandbox credentials file and is left alone; name another file")
    return key


def _account(key: RSAPrivateKey, token_uri: str) -> dict[str, str]:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "sandbox",
        "private_key": pem.decode(),
        "client_email": CLIENT,
        "client_id": "1",
        "token_uri": token_uri,
    }
