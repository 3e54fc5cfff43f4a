"""SpamAssassin, offline, on every mail of the shipped example: none may look like spam."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from channels.email.dkim import Signer
from tests.channels.letters import letters

LIMIT = 2.0  # of the 5 that make spam
_RESULT = re.compile(
    r"^X-Spam-Status: \w+, score=(-?[\d.]+) required=5\.0 tests=([\w,\s]*?)\s+autolearn.*?^Message-ID: <([^@]+)@", re.MULTILINE | re.DOTALL
)
# Rules on what a receiving server adds, which here is a trace of ours from an address kept for documents (RFC 5737).
ARTEFACTS = {"RCVD_ILLEGAL_IP": 1.3}
# A good word for having the headers of a list: we want to do without.
BONUS = {"MAILING_LIST_MULTI": -1.0}


@pytest.mark.skipif(shutil.which("spamassassin") is None, reason="SpamAssassin is not installed (Debian: apt-get install spamassassin)")
def test_no_mail_of_the_example_looks_like_spam(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    private = generate_private_key(public_exponent=65537, key_size=2048)
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    written = list(letters(Signer(key, "s1", "example.co.id"), time.time()))
    # One process for all: its start takes longer than all the mails.
    mailbox = b"".join(b"From a@b Thu Jan  1 00:00:00 1970\n" + letter.mail.replace(b"\r\n", b"\n") + b"\n" for letter in written)
    preferences = tmp_path / "prefs.cf"
    preferences.write_text("use_bayes 0\n")
    judged = subprocess.run(
        ["spamassassin", "--local", "--mbox", "--prefs-file", str(preferences)],
        input=mailbox,
        capture_output=True,
        check=True,
        timeout=120,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C"},
    )
    results = _RESULT.findall(judged.stdout.decode())
    scores = {}
    for score, rules, name in results:
        hits = re.findall(r"\w+", rules)
        scores[name] = round(float(score) - sum(given for rule, given in (ARTEFACTS | BONUS).items() if rule in hits), 1), hits
    assert scores.keys() == {letter.name for letter in written}
    assert {"win-back-en", "ramadan-hnwi", "kyc-rejected", "weekly-market-hnwi", "portfolio-review"} <= scores.keys()
    assert not {name: found for name, found in scores.items() if found[0] >= LIMIT}
