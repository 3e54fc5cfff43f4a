"""Every dependency is pinned by hash, of a licence we may use, and on the bill; nothing secret is in the tree."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.supply.advisories import Unreachable, accepted, found
from tests.supply.parts import ROOT, licence, locked, runtime
from tests.supply.sbom import sbom

# psycopg's LGPL binds its changes, not its users; MPL (certifi) binds its own files.
ALLOWED = re.compile(
    r"(MIT( License|-0)?|Apache[- ](Software License|2\.0)|BSD( License|-[23]-Clause)?|PSF-2\.0|PSFL|Python Software Foundation License"
    r"|ISC( License \(ISCL\))?|The Unlicense \(Unlicense\)|MPL-2\.0|Mozilla Public License 2\.0 \(MPL 2\.0\)|LGPL-3\.0-only)"
)
SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----\s*(?:\\n)?[A-Za-z0-9+/=]{32,}|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{30,}"
    r"|\bEAA[A-Za-z0-9]{40,}|\bya29\.[\w-]{30,}|\bxox[abp]-[\w-]{20,}|\bAIza[\w-]{35}\b"
    r"|(?i:secret|token|passw(?:or)?d|api_?key|signing_key)[\w\"']{0,12}\s*[=:]\s*[\"'](?=[^\"']*\d)(?=[^\"']*[A-Z])(?=[^\"']*[a-z])[A-Za-z0-9+/_=-]{24,}[\"']"
)


def test_every_requirement_is_pinned_with_hashes_and_names_no_index() -> None:
    for name in ("requirements.txt", "requirements-dev.txt"):
        assert len(list(locked((ROOT / name).read_text()))) > 50


@pytest.mark.parametrize(
    "line", ["--index-url x", "a>=1 --hash=sha256:" + "0" * 64, "a==1", "a @ file:///a.whl", "-e .", "a==1 --hash=md5:00"]
)
def test_a_loose_requirement_is_seen(line: str) -> None:
    with pytest.raises(ValueError, match="not a pinned requirement"):
        list(locked(line))


def test_every_runtime_dependency_has_a_licence_we_may_use() -> None:
    told = {part.name: licence(found) for part in runtime() if (found := part.installed())}
    assert len(told) > 50
    assert {name: text for name, text in told.items() if not any(map(ALLOWED.fullmatch, re.split(r" (?:AND|OR) ", text)))} == {}


def test_the_bill_names_every_part_once_and_is_json() -> None:
    bill = json.loads(json.dumps(sbom(runtime())))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    names = [each["purl"] for each in bill["components"]]
    assert len(names) == len(set(names)) == len(runtime())
    assert any(name.startswith("pkg:pypi/ruamel-yaml@") for name in names)


def test_no_secret_is_in_the_tree() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    leaks = []
    for name in filter(None, listed):
        text = (ROOT / name).read_bytes().decode("utf-8", "ignore") if (ROOT / name).is_file() else ""
        leaks += [f"{name}:{text.count(chr(10), 0, hit.start()) + 1}" for hit in SECRETS.finditer(text)]
    assert leaks == []


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN RSA PRIVATE " + "KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 2,
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "KABAR_WHATSAPP__TOKEN = '" + "aB3" * 10 + "'",
        "gh" + "p_" + "a1B2" * 9,
    ],
)
def test_a_secret_would_be_seen(text: str) -> None:
    assert SECRETS.search(text)


@pytest.fixture
def service() -> Iterator[HTTPServer]:
    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
            results = [{"vulns": [{"id": "GHSA-1"}]} if "jinja2" in each["package"]["purl"] else {} for each in asked]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"results": results}).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Not on the terminal."""

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_advisory_is_found_and_a_silent_service_is_told_apart(service: HTTPServer) -> None:
    url = f"http://127.0.0.1:{service.server_port}"
    assert [(part.name, advisory) for part, advisory in found(runtime(), url)] == [("jinja2", "GHSA-1")]
    with pytest.raises(Unreachable):
        found(runtime(), "http://127.0.0.1:1")


def test_an_accepted_advisory_comes_back_after_its_day() -> None:
    text = "# why\nGHSA-1 2026-12-31 never called\n"
    assert list(accepted(text, date(2026, 12, 31))) == ["GHSA-1"]
    assert list(accepted(text, date(2027, 1, 1))) == []
    with pytest.raises(ValueError, match="unpack"):
        list(accepted("GHSA-1 2026-12-31", date(2026, 1, 1)))
