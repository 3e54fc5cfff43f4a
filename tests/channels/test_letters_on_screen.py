"""The example's letters in a browser: nothing runs over the edge of a phone, and in the dark they are dark."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import Literal

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.channels.letters import letters

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PHONE = 360
COLOURS = "() => [document.body, document.querySelector('.card')].map(e => getComputedStyle(e).backgroundColor)"


def pages() -> dict[str, str]:
    found = {}
    for letter in letters(None, 1_790_000_000):
        message = message_from_bytes(letter.mail, policy=SMTP)
        assert isinstance(message, EmailMessage)
        part = message.get_body(("html",))
        assert part is not None
        found[letter.name] = str(part.get_content())
    return found


def look(browser: Browser, pages: Mapping[str, str], scheme: Literal["light", "dark"]) -> dict[str, tuple[int, list[str]]]:
    """How wide each is on a phone, and the colours of page and card; nothing is fetched, as where images are off."""
    page = browser.new_page(viewport={"width": PHONE, "height": 640}, color_scheme=scheme, offline=True)
    found = {}
    for name, html in pages.items():
        page.set_content(html, wait_until="domcontentloaded")
        found[name] = page.evaluate("() => document.documentElement.scrollWidth"), page.evaluate(COLOURS)
    page.close()
    return found


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: apt-get install chromium)")
def test_letters_fit_a_phone_and_follow_its_colours() -> None:
    quiet: dict[str, str | float | bool] = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    every = pages()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"], env=quiet)
        light = look(browser, every, "light")
        dark = look(browser, {"ramadan-hnwi": every["ramadan-hnwi"]}, "dark")
        browser.close()
    assert not {name: width for name, (width, _) in light.items() if width > PHONE}
    assert light["ramadan-hnwi"] == (PHONE, ["rgb(244, 245, 247)", "rgb(255, 255, 255)"])
    assert dark["ramadan-hnwi"] == (PHONE, ["rgb(13, 17, 23)", "rgb(22, 27, 34)"])
